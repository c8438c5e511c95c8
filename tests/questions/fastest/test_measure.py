"""Measuring for an answer, with workers that only pretend."""

from __future__ import annotations

import dataclasses

import pytest

from perceptron.measure.job import Job, Outcome
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart
from perceptron.questions.fastest.measure import measure
from perceptron.questions.fastest.measured_shape import CONTENDED, NO_START, NO_TIME
from perceptron.questions.fastest.question import Question, shape_of
from tests.made_shapes import shape
from tests.questions.conftest import Lab

QUESTION = Question(
    shape=shape(),
    epochs=1,
    iterations=1,
    among=("numpy", "python"),
    measure="now",
    seconds=60.0,
    dtype="float32",
    threads=1,
)


def test_workers_find_the_very_training(lab: Lab) -> None:
    """Though no shape describes it."""
    problem = Problem(
        name="module",
        family="module",
        size=100_000,
        dataset=Clusters("clusters", 100_000, 40, classes=3),
        layers=(Layer(5, "tanh"), Layer(3, "identity")),
        loss="mse",
        optimizer=Sgd(rate=0.5, momentum=0.9, nesterov=True),
        start=FanInStart(),
        batch=64,
        feed="host",
    )
    found: list[Problem] = []

    def takes(_: Job, problem: Problem) -> float:
        found.append(problem)
        return 0.1

    lab.takes = takes
    measure(dataclasses.replace(QUESTION, shape=shape_of(problem), own=problem), ["numpy"], 60.0)
    for part in ("loss", "optimizer", "feed", "layers", "batch"):
        assert getattr(found[0], part) == getattr(problem, part), part
    assert found[0].dataset.rows == 2**21 // 40, "enough for its batches to differ"


def test_a_few_processes_of_each_are_measured(lab: Lab) -> None:
    lab.seconds = lambda backend, problem: 1e-3 * lab.timed.count((backend, problem.reference))
    lab.prepare_seconds = lambda backend: 0.5
    (numpy, python), _ = measure(QUESTION, ["numpy", "python"], 60.0)
    assert numpy.seconds == python.seconds == pytest.approx(2e-3)
    assert numpy.prepare_seconds == 0.5
    assert lab.starts == ["numpy", "python"] * 3
    assert (numpy.doubt, numpy.backend, numpy.device) == (None, "numpy", "cpu")


@pytest.mark.parametrize("reason", [NO_START, NO_TIME, "no"])
def test_one_without_a_time_says_why_and_costs_the_other_nothing(lab: Lab, reason: str) -> None:
    def refused(backend: str, problem: Problem) -> Outcome | None:
        no = Outcome(status="skipped", reason=reason)
        return no if backend == "python" else None

    if reason == NO_START:
        lab.never_starts = {"python"}
    elif reason == NO_TIME:
        lab.takes = lambda job, problem: 1e6 if job.backend == "python" else 0.1
    else:
        lab.refused = refused
    (numpy,), reasons = measure(QUESTION, ["numpy", "python"], 60.0)
    assert numpy.backend == "numpy"
    assert reasons == {"python": reason}
    assert lab.now <= 62


def test_contention_is_told(lab: Lab) -> None:
    lab.waited = 0.9
    (numpy,), _ = measure(QUESTION, ["numpy"], 60.0)
    assert (numpy.doubt, numpy.low) == (CONTENDED, 0.0)
