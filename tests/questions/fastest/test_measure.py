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
from perceptron.questions.fastest.measured_shape import NO_START, NO_TIME
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
    problems: list[Problem] = []

    def takes(_: Job, problem: Problem) -> float:
        problems.append(problem)
        return 0.1

    lab.takes = takes
    measure(dataclasses.replace(QUESTION, shape=shape_of(problem), own=problem), ["numpy"], 60.0)
    for part in ("loss", "optimizer", "feed", "layers", "batch"):
        assert getattr(problems[0], part) == getattr(problem, part), part
    assert problems[0].dataset.rows == 2**21 // 40, "enough for its batches to differ"


def test_measure_repeats_each_backend_in_processes(lab: Lab) -> None:
    lab.seconds = lambda backend, problem: 1e-3 * lab.timed.count((backend, problem.reference))
    lab.prepare_seconds = lambda backend: 0.5
    (numpy, python), _ = measure(QUESTION, ["numpy", "python"], 60.0)
    assert [repeat.seconds for repeat in numpy.repeats] == pytest.approx([1e-3, 2e-3, 3e-3])
    assert [repeat.setup_seconds for repeat in numpy.repeats] == [0.5] * 3
    assert numpy.repeats == python.repeats
    assert numpy.together == python.together
    assert lab.starts == ["numpy", "python"] * 3
    assert (numpy.is_contended, numpy.backend, numpy.device) == (False, "numpy", "cpu")


def test_those_that_may_be_as_fast_are_measured_on_side_by_side(lab: Lab) -> None:
    """Until that is decided or the time is over; what takes twice as long is not."""
    factors = {"numpy": lambda turn: 1.0, "python": lambda turn: 1.2 + 0.3 * (-1) ** turn}

    def seconds(backend: str, problem: Problem) -> float:
        turn = lab.timed.count((backend, problem.reference))
        return 1e-3 * factors.get(backend, lambda turn: 9.0)(turn)

    lab.seconds = seconds
    names = ["numba", "numpy", "python"]
    candidates, _ = measure(dataclasses.replace(QUESTION, among=tuple(names)), names, 60.0)
    assert lab.starts == names * 2 + ["numpy", "python"] * 6
    assert [len(candidate.repeats) for candidate in candidates] == [2, 8, 8]
    begun = lab.now
    measure(QUESTION, names, 2.0)
    assert lab.now <= begun + 2.1


@pytest.mark.parametrize("reason", [NO_START, NO_TIME, "no"])
def test_measure_failed_backend_gives_reason_and_costs_no_other(lab: Lab, reason: str) -> None:
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
