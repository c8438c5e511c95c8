"""Measuring for an answer, with workers that start and answer as they are told."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import pytest

from perceptron.analysis.work import CONTENDED, NO_START, NO_TIME
from perceptron.measure.job import Job, Outcome
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

    def warm(self, wanted: Mapping[Any, Job]) -> None:
        self.started.append(list(wanted))
        late = [name for name in wanted if name[0] in self.late]
        if late:
            abandoned = Abandoned(late[0][0])
            abandoned.workers = tuple(late)
            raise abandoned

    def run(self, name: Any, job: Job) -> Outcome:
        if name[0] in self.endless:
            raise Abandoned(name[0])
        if name[0] in self.refusing:
            return Outcome(status="skipped", reason="no")
        seconds = 1e-3 * (1 + name[1])
        return Outcome(seconds=seconds, prepare_seconds=0.5, waited=self.waited)


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
    shape = shape_of(problem)
    own = dataclasses.replace(QUESTION, work=counted(problem, shape, "float32"), own=problem)
    found: list[Problem] = []
    run = workers.run

    def finding(self: FakeWorkers, name: Any, job: Job) -> Outcome:
        found.append(catalogue.find(job.problem))
        return run(self, name, job)

    monkeypatch.setattr(workers, "run", finding)
    measure.measure(own, ["numpy"], 60.0)
    for part in ("loss", "optimizer", "feed", "layers", "batch"):
        assert getattr(found[0], part) == getattr(problem, part), part
    assert found[0].dataset.rows == 2**21 // 40, "enough for its batches to differ"


def test_a_few_processes_of_each_are_measured(workers: type[FakeWorkers]) -> None:
    (numpy, python), _ = measure.measure(QUESTION, ["numpy", "python"], 60.0)
    assert numpy.seconds == python.seconds == pytest.approx(2e-3)
    assert numpy.prepare_seconds == 0.5
    assert [len(names) for names in workers.started] == [4, 2]
    assert (numpy.doubt, numpy.backend, numpy.device) == (None, "numpy", "cpu")


@pytest.mark.parametrize(
    ("how", "reason"), [("late", NO_START), ("endless", NO_TIME), ("refusing", "no")]
)
def test_one_without_a_time_says_why_and_costs_the_other_nothing(
    workers: type[FakeWorkers], how: str, reason: str
) -> None:
    setattr(workers, how, ("python",))
    (numpy,), reasons = measure.measure(QUESTION, ["numpy", "python"], 60.0)
    assert numpy.backend == "numpy"
    assert reasons == {"python": reason}
    assert sum(name == ("python", 0) for names in workers.started for name in names) == 1


def test_contention_is_told(workers: type[FakeWorkers]) -> None:
    workers.waited = 0.9
    (numpy,), _ = measure.measure(QUESTION, ["numpy"], 60.0)
    assert (numpy.doubt, numpy.low) == (CONTENDED, 0.0)
