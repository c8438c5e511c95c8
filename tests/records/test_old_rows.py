"""Rows from before batches and optimizers are read as what they were."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import perceptron
from perceptron.records.environment import Environment
from perceptron.records.ground import ground
from perceptron.records.run import Run
from perceptron.records.store import open_run, read_rows
from tests.conftest import ROOT, MakeRow
from tests.made import measured

_NEW = ("axes", "outputs", "batch", "iterations_per_epoch", "optimizer", "feed")


def old_line(**fields: object) -> bytes:
    """A row as it was written before these columns."""
    content = json.loads(msgspec.json.encode(measured(**fields)))
    return json.dumps({k: v for k, v in content.items() if k not in _NEW}).encode() + b"\n"


def test_an_old_row_is_of_full_batches_by_plain_descent(tmp_path: Path) -> None:
    """It stands on the ground of a new one of the same family, so that both are compared."""
    file = tmp_path / "measurements.jsonl"
    file.write_bytes(old_line(family="mlp-width", problem="mlp-width:2", size=2, seconds=1e-3))
    (old,) = read_rows(file)
    assert (old.optimizer, old.feed, old.outputs, old.batch) == ("sgd", "resident", 1, None)
    assert old.iterations_per_epoch == 1
    new = measured(optimizer="sgd", feed="resident", outputs=1, axes=("width",))
    assert ground(old) == ground(new)


def test_what_says_how_it_was_trained_is_left_as_it_is(tmp_path: Path) -> None:
    """Rows of other tools as well: nobody knows how they were trained."""
    stated = {"problem": "digits", "optimizer": "adam", "feed": "host", "outputs": 10, "batch": 32}
    rows = [measured(**stated), measured(source="asv", problem="a:1"), measured(problem=None)]
    file = tmp_path / "measurements.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    assert list(read_rows(file)) == rows


def test_the_committed_rows_have_a_training() -> None:
    table = perceptron.load_results(ROOT / "results" / "runs")
    assert table[table.problem.notna()].optimizer.notna().all()


@pytest.mark.parametrize("resumes", [True, False])
def test_a_run_of_another_format_is_not_resumed(
    tmp_path: Path, environment: Environment, row: MakeRow, resumes: bool
) -> None:
    """Its rows say less than this one's would."""
    run = Run(plan={}, machine="box", environment=environment.id, commit="abc", started="2026")
    with open_run(tmp_path, run, environment) as journal:
        journal.append(row())
        file = journal.folder / "run.json"
    if not resumes:
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(run, format=1)))
    with open_run(tmp_path, run, environment) as later:
        assert bool(later.rows) is resumes
