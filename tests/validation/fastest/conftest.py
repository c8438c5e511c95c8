"""A machine whose backends cost an overhead and work over a rate, and a run that measured it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.measure.job import Outcome
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.environment import Environment
from perceptron.records.run import Run
from perceptron.records.store import RunJournal, open_run
from perceptron.studies.shared.task import Task, remaining, row_of
from perceptron.validation.fastest import measure
from perceptron.validation.fastest.measure import FastestPlan, tasks
from perceptron.validation.fastest.record import Pick
from perceptron.validation.fastest.shapes import Training, draw
from tests.made import FACTS, STARTED

# Seconds of a call, operations a second, seconds of preparing.
BACKENDS = {"numpy": (1e-5, 1e9, 1e-4), "torch-cpu": (1e-4, 1e10, 1e-3)}


def seconds_of(backend: str, problem: Problem) -> float:
    call, rate, _ = BACKENDS[backend]
    return call + operations(problem) / rate


def total_of(backend: str, training: Training) -> float:
    iterations = training.iterations
    return BACKENDS[backend][2] + iterations * seconds_of(backend, training.problem)


def fastest_of(training: Training) -> str:
    return min(BACKENDS, key=lambda backend: total_of(backend, training))


class Measured:
    """Stands in for `run_tasks`: rows of this machine, each process off by about a percent."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.measured: list[Task] = []

    def __call__(
        self, todo: Sequence[Task], journal: RunJournal, run: Run, *_: Any, **__: Any
    ) -> list[Task]:
        for task in remaining(todo, journal.rows):
            seconds = seconds_of(task.backend, task.problem) * exp(self.random.normal(0, 0.01))
            outcome = Outcome(
                problem=task.problem.reference,
                seconds=seconds,
                samples=[seconds] * 5,
                iterations=10,
                prepare_seconds=BACKENDS[task.backend][2],
            )
            journal.append(row_of(task, outcome, run))
            self.measured.append(task)
        return []


@pytest.fixture
def plan() -> FastestPlan:
    return FastestPlan(trainings=40, asked=6, backends=tuple(BACKENDS), threads=1, processes=2)


@pytest.fixture
def run_tasks(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fake = Measured()
    monkeypatch.setattr(measure, "run_tasks", fake)
    return fake


def ask(training: Training, plan: FastestPlan) -> Pick:
    """Answer right, as who has measured."""
    best = fastest_of(training)
    return Pick(
        reference=training.reference,
        epochs=training.epochs,
        backend=best,
        sure=True,
        seconds=total_of(best, training),
        source="measured",
    )


@pytest.fixture
def measured_run(tmp_path: Path, plan: FastestPlan) -> Path:
    """The folder of a finished run of the plan, below ``results/``."""
    run = Run(
        plan=plan.as_json(),
        machine="box",
        environment=FACTS.id,
        commit="abc",
        started=STARTED,
        budget_seconds=60.0,
        spent_seconds=30.0,
    )
    facts: Environment = FACTS
    trainings = draw(plan.trainings, plan.seed)
    with open_run(tmp_path / "results", run, facts) as journal:
        Measured()(tasks(plan, trainings), journal, run)
        with measure.appending(journal.folder) as stream:
            for training in trainings[: plan.asked]:
                measure.append(stream, ask(training, plan))
        journal.finish(30.0)
        return journal.folder
