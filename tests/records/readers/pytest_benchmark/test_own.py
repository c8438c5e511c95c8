"""Benchmarks of the suite's own say in ``extra_info`` how their rows were trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.problems import catalogue
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements
from perceptron.studies.shared.task import problem_fields
from tests.conftest import MakeRow


def read(file: Path, info: dict[str, object]) -> Measurement:
    info = {"problem": "p", "family": "f", "size": 1, "backend": "numpy", "iterations": 2, **info}
    stats = {"median": 1.0, "data": [1.0]}
    file.write_text(json.dumps({"benchmarks": [{"name": "t", "extra_info": info, "stats": stats}]}))
    (row,) = load_measurements(file)
    return row


@pytest.mark.parametrize("problem", ["mlp-batch-host:64", "many-mlps:64"])
def test_a_row_has_everything_that_its_problem_says(
    tmp_path: Path, row: MakeRow, problem: str
) -> None:
    fields = problem_fields(catalogue.find(problem))
    found = read(tmp_path / "own.json", fields)
    assert {name: getattr(found, name) for name in fields} == fields
    assert ground(found)[3:] == ground(row(**fields))[3:]


def test_a_file_from_before_is_of_full_batches_by_plain_descent(tmp_path: Path) -> None:
    old = read(tmp_path / "old.json", {"rows": 256})
    assert (old.optimizer, old.feed, old.outputs, old.batch) == ("sgd", "resident", 1, None)
    assert (old.all_models, old.folds) == (1, None)
