from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.readers.stored_runs import read_facts, read_results, read_run
from tests.made import BENCH, FACTS, bench_rows, keep


def test_a_run_is_handed_over_as_it_was_kept(tmp_path: Path) -> None:
    """Its plan, facts, conditions and rows; lines that are no rows are left out."""
    folder = keep(tmp_path, BENCH, bench_rows())
    (folder / "conditions.json").write_bytes(msgspec.json.encode(Conditions(on_battery=True)))
    with (folder / "measurements.jsonl").open("a") as file:
        file.write("{}\n")
    loaded = read_run(folder)
    assert (loaded.folder, loaded.run.plan) == (folder, BENCH)
    assert loaded.facts == read_facts(folder)
    assert loaded.facts.environment == FACTS
    assert loaded.facts.conditions == Conditions(on_battery=True)
    assert len(loaded.rows) == len(bench_rows())


def test_conditions_that_were_not_recorded_are_none(tmp_path: Path) -> None:
    assert read_facts(keep(tmp_path, BENCH, bench_rows())).conditions is None


def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, BENCH, bench_rows())
    (folder / "conditions.json").write_text("{")
    for read in (read_run, read_facts):
        with pytest.raises(UserError, match=r"conditions\.json"):
            read(folder)


def test_a_folder_of_results_is_read_with_its_complaints(tmp_path: Path) -> None:
    """Runs come newest first; a broken one is a complaint, and its rows are still there."""
    keep(tmp_path, BENCH, bench_rows(), started="2026-01-01T00:00:00Z")
    newer = keep(tmp_path, BENCH, bench_rows(), started="2026-01-02T00:00:00Z")
    broken = keep(tmp_path, BENCH, bench_rows(), started="2026-01-03T00:00:00Z")
    (broken / "run.json").write_text("{")
    stored = read_results(tmp_path)
    assert stored.folder == tmp_path
    assert stored.runs[0].folder == newer
    assert len(stored.runs) == 2
    assert len(stored.rows) == 3 * len(bench_rows())
    (complaint,) = stored.complaints
    assert complaint.startswith(str(broken / "run.json"))


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    stored = read_results(tmp_path / "missing")
    assert (stored.rows, stored.runs, stored.complaints) == ([], [], [])
