"""What tests of studies share: a machine that is known already, and workers that only pretend."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

import pytest

from perceptron.answer import Answered
from perceptron.backends import registry
from perceptron.measure import budget, launch
from perceptron.measure.budget import Progress
from perceptron.measure.job import Extra, Job, Outcome, Part, Time
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.questions import run_study as opening
from perceptron.questions.bench.study import BenchPlan, finding_jobs
from perceptron.questions.run_study import run_study
from perceptron.questions.shared.missing import size_job
from perceptron.questions.study import Plan, Study
from perceptron.records.environment import Environment
from perceptron.records.files import write
from tests.made import UnknownLook, silent

STARTED = "2026-01-01T00:00:00Z"


@pytest.fixture
def known_machine(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """Skip the machine's facts, which take seconds, and the revision, which may change meanwhile.

    All runs have one start, because the order of measuring follows from it.
    """
    conditions = opening.conditions
    monkeypatch.setattr(opening, "environment", lambda backends, threads: environment)
    monkeypatch.setattr(opening, "conditions", lambda with_loop: conditions(with_loop=False))
    monkeypatch.setattr(opening, "Look", UnknownLook)
    monkeypatch.setattr(opening, "revision", lambda: None)
    monkeypatch.setattr(opening, "now", lambda: STARTED)


class Lab:
    """Stands in for worker processes: every job is answered at once, from formulas, and kept."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.timed: list[tuple[str, str]] = []
        """(backend, reference of the problem), one for each training that was timed."""
        self.names: set[object] = set()
        """Of the lasting workers that had a job."""
        self._started: set[tuple[launch.Workers, Hashable]] = set()
        self.now = 0.0
        """A clock that every job moves, in seconds."""
        self.start_seconds = 0.0
        """What a fresh process takes before its first problem."""
        self.takes: Callable[[Job, Problem], float] = lambda job, problem: (
            0.02 if job.step == "check" else 0.1
        )
        """What a problem of a job takes, in seconds of the clock."""
        self.power_cut_after: int | None = None
        """Trainings that are timed before the power goes."""
        self.never_starts: set[str] = set()
        """Backends whose workers never answer."""
        self.starts: list[str] = []
        """The backend of every process that was started."""
        self.missing: dict[str, str] = {}
        """Why a backend cannot run here."""
        self.refused: Callable[[str, Problem], Outcome | None] = lambda backend, problem: None
        """What a backend answers that does not train a problem."""
        self.seconds: Callable[[str, Problem], float] = lambda backend, problem: 1e-6
        self.prepare_seconds: Callable[[str], float] = lambda backend: 1e-3
        self.waited: float | None = None
        """Share of the time that threads waited."""
        self.measure_extra: Callable[[Extra], Outcome] = lambda job: Outcome()
        """What is answered to a job with an extra."""
        self.extra_seconds = 0.1

    def run(self, job: Job, seconds_left: launch.SecondsLeft) -> Outcome:
        self.jobs.append(job)
        if isinstance(job, Extra):
            self._pass(self.extra_seconds, seconds_left, job.backend, job.subject)
            return self.measure_extra(job)
        problem = catalogue.find(job.problem)
        self._pass(self.takes(job, problem), seconds_left, job.backend, job.subject)
        refused = self.refused(job.backend, problem)
        if refused is not None:
            return refused
        return Outcome() if job.step == "check" else self._train(job.backend, problem)

    def _pass(
        self,
        seconds: float,
        seconds_left: launch.SecondsLeft,
        backend: str,
        subject: str | None = None,
    ) -> None:
        """Move the clock; what would end too late is abandoned in time."""
        left = seconds_left()
        self.now += max(0.0, min(seconds, left))
        if seconds > left:
            raise launch.Abandoned(backend, subject)

    def _train(self, backend: str, problem: Problem) -> Outcome:
        if self.power_cut_after is not None:
            if not self.power_cut_after:
                raise KeyboardInterrupt
            self.power_cut_after -= 1
        self.timed.append((backend, problem.reference))
        seconds = self.seconds(backend, problem)
        return Outcome(
            seconds=seconds,
            samples=[seconds],
            iterations=100,
            prepare_seconds=self.prepare_seconds(backend),
            waited=self.waited,
        )

    def warm(self, workers: launch.Workers, wanted: Mapping[Hashable, Job]) -> None:
        for name, job in wanted.items():
            try:
                self._start(workers, name, job)
            except launch.Abandoned as abandoned:
                late = (
                    worker for worker, job in wanted.items() if job.backend in self.never_starts
                )
                abandoned.workers = tuple(late)
                raise

    def _start(
        self, workers: launch.Workers, name: Hashable, job: Job, subject: str | None = None
    ) -> None:
        if (workers, name) in self._started:
            return
        self.starts.append(job.backend)
        seconds = 1e6 if job.backend in self.never_starts else self.start_seconds
        self._pass(seconds, workers._seconds_left, job.backend, subject)
        self._started.add((workers, name))

    def run_by_name(self, workers: launch.Workers, name: Hashable, job: Job) -> Outcome:
        self.names.add(name)
        self._start(workers, name, job, job.subject)
        return self.run(job, workers._seconds_left)


def carried_out(
    study: Study,
    plan: Plan,
    results: Path,
    seconds: float | None = None,
    progress: Progress = silent,
) -> Answered:
    """Return the answer to a resolved plan, measured on a machine called ``box``."""
    return run_study(study, plan, "box", results, progress, seconds)


def codes(answered: Answered) -> set[str]:
    """Return the codes of the warnings beside an answer."""
    return {warning.code for warning in answered.warnings}


def parts_of(seconds: dict[str, float]) -> Outcome:
    """Return an extra in parts, from seconds by name."""
    parts = tuple(
        Part(name=name, work=13.0, seconds=value, samples=[value], iterations=1)
        for name, value in seconds.items()
    )
    return Outcome(parts=parts)


def jobs_of(plan: BenchPlan) -> list[Time]:
    """Return four repeats of the finding, and of each backend at every other size of a family."""
    families = [
        size_job(axis.problem(size).reference, backend, plan.dtype, threads, repeat, plan.quick)
        for axis in plan.crossovers.axes
        for (size,) in FAMILIES[axis.family].sizes[1::2]
        if size <= axis.high
        for backend in plan.backends
        for threads in plan.threads
        for repeat in range(4)
    ]
    return [*(job for threads in plan.threads for job in finding_jobs(plan, threads, 4)), *families]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, known_machine: None) -> Lab:
    made = Lab()
    # No power goes while these tests run, and thousands of rows would wait for the disk.
    monkeypatch.setattr(write.os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(budget, "monotonic", lambda: made.now)
    monkeypatch.setattr(launch.Workers, "warm", lambda self, wanted: made.warm(self, wanted))
    monkeypatch.setattr(
        launch.Workers, "run", lambda self, name, job: made.run_by_name(self, name, job)
    )
    monkeypatch.setattr(launch.Workers, "ask", lambda self, name, job: None)
    monkeypatch.setattr(registry, "reason_unavailable", made.missing.get)
    return made
