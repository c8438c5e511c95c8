"""Measuring for an answer, with workers that start and answer as they are told."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from perceptron.analysis.work import CONTENDED, NO_START, NO_TIME
from perceptron.backends.protocol import Backend
from perceptron.measure import budget
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import Abandoned
from perceptron.problems import catalogue
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart
from perceptron.studies.fastest import measure
from perceptron.studies.fastest.question import Question, counted, shape_of
from tests.made_work import work

QUESTION = Question(
    work=work(),
    iterations=1,
    among=("numpy", "python"),
    measure="now",
    seconds=60.0,
    dtype="float32",
    threads=1,
)
DEVICES = {"numpy": "cpu", "python": "cpu"}


class FakeWorkers:
    """Some do not start in time, others do not end."""

    late: tuple[str, ...] = ()
    endless: tuple[str, ...] = ()
    refusing: tuple[str, ...] = ()
    waited: float = 0.0
    """Share of the time that threads waited."""
    started: ClassVar[list[list[Hashable]]]

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> FakeWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def warm(self, wanted: Mapping[Any, tuple[Batch, Backend]]) -> None:
        self.started.append(list(wanted))
        late = [name for name in wanted if name[0] in self.late]
        if late:
            abandoned = Abandoned(late[0][0])
            abandoned.workers = tuple(late)
            raise abandoned

    def run(self, name: Any, job: Batch, _: Backend) -> Iterator[Outcome]:
        if name[0] in self.endless:
            raise Abandoned(name[0])
        (problem,) = job.problems
        if name[0] in self.refusing:
            yield Outcome(problem=problem, status="skipped", reason="no")
        else:
            seconds = 1e-3 * (1 + name[1])
            yield Outcome(problem=problem, seconds=seconds, prepare_seconds=0.5, waited=self.waited)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> type[FakeWorkers]:
    class Own(FakeWorkers):
        started: ClassVar = []

    monkeypatch.setattr(measure, "Workers", Own)
    monkeypatch.setattr(measure, "usable_cores", lambda: 2)
    return Own


def test_workers_find_the_very_training(
    workers: type[FakeWorkers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no shape describes it; a small one of it tells whether a backend refuses them all."""
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
    shape = shape_of(problem)
    own = dataclasses.replace(QUESTION, work=counted(problem, shape, "float32"), own=problem)
    found: list[Problem] = []
    run = workers.run

    def finding(self: FakeWorkers, name: Any, job: Batch, backend: Backend) -> Iterator[Outcome]:
        found.append(catalogue.find(job.problems[0]))
        return run(self, name, job, backend)

    monkeypatch.setattr(workers, "run", finding)
    monkeypatch.setattr(workers, "refusing", ("numpy",))
    (row,) = measure.measure(own, ["numpy"], DEVICES, 60.0)
    whole, small = found
    assert not row.refused, "others of this optimizer it may train"
    for part in ("loss", "optimizer", "feed"):
        assert getattr(whole, part) == getattr(small, part) == getattr(problem, part), part
    assert (whole.layers, whole.batch) == (problem.layers, 64)
    assert whole.dataset.rows == 2**21 // 40, "enough for its batches to differ"
    assert [layer.activation for layer in small.layers] == ["tanh", "identity"]


def test_a_few_processes_of_each_are_measured(workers: type[FakeWorkers]) -> None:
    numpy, python = measure.measure(QUESTION, ["numpy", "python"], DEVICES, 60.0)
    assert numpy.seconds == python.seconds == pytest.approx(2e-3)
    assert numpy.prepare_seconds == 0.5
    assert [len(names) for names in workers.started] == [4, 2]
    assert (numpy.doubt, numpy.backend, numpy.device) == (None, "numpy", "cpu")


@pytest.mark.parametrize(
    ("how", "reason", "refused"),
    [("late", NO_START, False), ("endless", NO_TIME, False), ("refusing", "no", True)],
)
def test_one_without_a_time_says_why_and_costs_the_other_nothing(
    workers: type[FakeWorkers], how: str, reason: str, refused: bool
) -> None:
    """What a small shape is refused too is refused as a kind."""
    setattr(workers, how, ("python",))
    numpy, python = measure.measure(QUESTION, ["numpy", "python"], DEVICES, 60.0)
    assert numpy.seconds is not None
    assert (python.seconds, python.reason, python.refused) == (None, reason, refused)
    assert sum(name == ("python", 0) for names in workers.started for name in names) == 1


def test_one_that_does_not_end_is_told_to_take_as_long_at_least(
    workers: type[FakeWorkers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what the other took, which is of measuring more than of the training."""
    clock, run = [0.0], workers.run

    def slow(self: FakeWorkers, name: Any, job: Batch, backend: Backend) -> Iterator[Outcome]:
        clock[0] += 20.0 if name[0] == "python" else 2.0
        return run(self, name, job, backend)

    monkeypatch.setattr(budget, "monotonic", lambda: clock[0])
    monkeypatch.setattr(workers, "run", slow)
    monkeypatch.setattr(workers, "endless", ("python",))
    _, python = measure.measure(QUESTION, ["numpy", "python"], DEVICES, 60.0)
    assert 17 < python.prepare_seconds < 18


def test_contention_is_told(workers: type[FakeWorkers]) -> None:
    workers.waited = 0.9
    (numpy,) = measure.measure(QUESTION, ["numpy"], DEVICES, 60.0)
    assert (numpy.doubt, numpy.low) == (CONTENDED, 0.0)
