"""Advice on a training by mini-batches, measured by workers that only pretend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.analysis.advice import AdviceResult
from perceptron.analysis.stored.runs import judge_advice
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables.advice import sentence
from perceptron.studies import advise as study
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab

MNIST = "mlp:60000x784x128:10c:128b:adam"


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Equal at 4 million operations; numpy below, torch-cpu above. Both prepare in no time."""

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-10 * work if backend == "numpy" else 2.01e-4 + 5e-11 * work

    lab.seconds = seconds
    lab.prepare_seconds = lambda backend: 1e-6
    return lab


def advise(lab: Lab, results: Path, problem: str = MNIST, **plan: int) -> AdviceResult:
    made = study.AdvisePlan(catalogue.find(problem), ("numpy", "torch-cpu"), threads=1, **plan)
    return study.advise(made, "box", results, silent)


def test_it_says_from_which_batch_and_width_the_answer_changes(lab: Lab, tmp_path: Path) -> None:
    result = advise(lab, tmp_path, epochs=5).advice
    assert result.use == "torch-cpu"
    assert (result.iterations, result.iterations_per_epoch, result.epochs) == (2345, 469, 5)
    axes = {change.axis: change.crossovers[0] for change in result.changes}
    assert list(axes) == ["batch", "hidden width", "features"]
    shapes = {
        "batch": "mlp:60000x784x128:10c:{}b:adam",
        "hidden width": "mlp:60000x784x{}:10c:128b:adam",
        "features": "mlp:60000x{}x128:10c:128b:adam",
    }
    for axis, crossed in axes.items():
        assert crossed.status == "reverses", axis  # torch-cpu, the fastest here, is the incumbent
        assert crossed.size is not None
        there = catalogue.find(shapes[axis].format(round(crossed.size)))
        assert operations(there) == pytest.approx(4e6, rel=0.5), axis
    assert "torch-cpu from a batch of" in sentence(result)
    assert lab.now <= study.SECONDS


def test_a_whole_training_is_of_all_rows_wherever_it_was_measured(lab: Lab, tmp_path: Path) -> None:
    """Other sizes were measured on fewer rows; the problem itself on all of its own."""
    result = advise(lab, tmp_path, epochs=5)
    rows = {row.rows for row in result.rows if row.problem == MNIST and row.status == "ok"}
    assert rows == {60_000}
    assert {row.rows for row in result.rows if row.problem != MNIST} == {16_384}
    option = next(option for option in result.advice.options if option.backend == "numpy")
    assert option.training is not None
    expected = 2345 * lab.seconds("numpy", catalogue.find(MNIST)) + 1e-6
    assert option.training.estimate == pytest.approx(expected)


def test_a_stored_run_is_judged_as_it_was(lab: Lab, tmp_path: Path) -> None:
    result = advise(lab, tmp_path, epochs=5)
    stored = judge_advice(read_run(result.results))
    assert stored.advice == result.advice
    plan = json.loads((result.results / "run.json").read_text())["plan"]
    assert plan["length"] == {"iterations": 10_000, "epochs": 5}
