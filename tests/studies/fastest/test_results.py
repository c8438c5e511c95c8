from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from perceptron.analysis.candidates import row_of
from perceptron.analysis.work import CONTENDED
from perceptron.machine import cpu_name, usable_cores
from perceptron.measure.environment import gpus_here
from perceptron.problems import catalogue
from perceptron.records.environment import Environment
from perceptron.records.run import Run
from perceptron.records.store import open_run
from perceptron.studies.fastest.cache import Known
from perceptron.studies.fastest.results import read_runs
from perceptron.studies.fastest.run_folders import changed_runs, removed_runs
from perceptron.studies.shared.task import problem_fields
from tests.conftest import MakeRow


@pytest.fixture
def here() -> Environment:
    """What a run on this machine says of it."""
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system="Linux 6",
        python="CPython 3.12.1",
        libraries={"numpy": "2.0", "torch": "2.6", "scipy": "1.0"},
        pools=[],
        gpus=gpus_here()[1],
    )


def stored(
    results: Path, facts: Environment, row: MakeRow, name: str = "2026-01-01", **fields: Any
) -> None:
    """Keep a run of three processes."""
    run = Run(plan={}, machine="box", environment=facts.id, commit=None, started=name)
    problem = catalogue.find("mlp:1000x20x64:10c:128b:adam")
    with open_run(results, run, facts) as journal:
        for process in range(3):
            defaults: dict[str, Any] = {
                "source": "perceptron",
                "dtype": "float32",
                "threads": 2,
                "device": "cpu",
                "backend": "torch-cpu",
                "process": process,
                "seconds": 1e-3 * (1 + process),
                "prepare_seconds": 0.1,
                **problem_fields(problem),
            }
            journal.append(row(**(defaults | fields)))
        journal.finish()


def test_rows_of_this_machine_become_one_for_each_shape(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    stored(tmp_path, here, row)
    runs = changed_runs(tmp_path, {})
    (known,) = read_runs(runs)
    assert known.row.seconds == pytest.approx(2e-3)
    assert known.row.prepare_seconds == 0.1
    assert known.row.work.shape.hidden == (64,)
    assert known.row.work.shape.outputs == 10
    assert known.row.work.shape.batch == 128
    assert known.row.work.shape.optimizer == "adam"
    assert (known.dtype, known.threads, known.row.backend) == ("float32", 2, "torch-cpu")
    assert known.row.doubt is None
    assert known.libraries == {"python": "3.12.1", "numpy": "2.0", "torch": "2.6"}
    assert list(runs) == [known.origin]


def test_a_run_is_read_once_until_it_changes(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    assert changed_runs(tmp_path / "nowhere", {}) == {}
    stored(tmp_path, here, row)
    runs = changed_runs(tmp_path, {})
    assert changed_runs(tmp_path, runs) == {}
    stored(tmp_path, here, row, "2026-01-02")
    assert len(changed_runs(tmp_path, runs)) == 1
    (folder,) = runs
    with Path(folder, "measurements.jsonl").open("ab") as lines:
        lines.write(b"\n")
    assert folder in changed_runs(tmp_path, runs)


def test_a_run_that_was_removed_is_known_no_more(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    """Of this folder of results; others may not be at hand."""
    stored(tmp_path, here, row)
    (folder,) = runs = changed_runs(tmp_path, {})
    known = Known().with_rows(read_runs(runs), {**runs, "/other/runs/box/1": "1-1"})
    assert removed_runs(tmp_path, known.runs) == []
    shutil.rmtree(folder)
    assert removed_runs(tmp_path, known.runs) == [folder]
    left = known.without_runs([folder])
    assert (left.rows, list(left.runs)) == ((), ["/other/runs/box/1"])


def test_processes_that_had_to_wait_count_where_there_are_no_others(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    """And an older time that was not contended is the one to believe."""
    stored(tmp_path, here, row, waited=0.5, when="2026-02-02T00:00:00Z")
    (busy,) = read_runs(changed_runs(tmp_path, {}))
    assert (busy.row.doubt, busy.row.low) == (CONTENDED, 0.0)
    stored(tmp_path / "calm", here, row, waited=0.0, when="2026-01-01T00:00:00Z")
    (calm,) = read_runs(changed_runs(tmp_path / "calm", {}))
    assert calm.row.doubt is None
    assert row_of(calm.row.work, "torch-cpu", [calm.row, busy.row]) is calm.row


@pytest.mark.parametrize(
    "other",
    [{"cpu": "Abacus 3000"}, {"cores": 999}, {"variables": {"PERCEPTRON_REHEARSAL": "1"}}],
)
def test_other_machines_say_nothing_of_this_one(
    tmp_path: Path, here: Environment, row: MakeRow, other: dict[str, Any]
) -> None:
    stored(tmp_path, replace(here, **other), row)
    assert read_runs(changed_runs(tmp_path, {})) == []


def test_a_damaged_run_is_left_out(tmp_path: Path, here: Environment, row: MakeRow) -> None:
    stored(tmp_path, here, row)
    stored(tmp_path, here, row, "2026-01-02")
    runs = changed_runs(tmp_path, {})
    Path(next(iter(runs)), "run.json").write_text("{")
    assert len(read_runs(runs)) == 1
    assert read_runs([str(tmp_path / "gone")]) == []
    os.mkfifo(Path(list(runs)[1], "pipe"))
    assert len(read_runs(runs)) == 1
