"""A machine whose backends cost an overhead and work over a rate, and a run that measured it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.measure.job import Outcome
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.run import Run
from perceptron.records.store import RunJournal, open_run
from perceptron.studies.shared import opening
from perceptron.studies.shared.task import Task, remaining, row_of
from perceptron.validation.fastest import measure
from perceptron.validation.fastest.measure import FastestPlan, tasks
from perceptron.validation.fastest.record import FastestTruth, Pick
from perceptron.validation.fastest.result import result_of
from perceptron.validation.fastest.shapes import Training, draw
from tests.made import FACTS, SOUND, STARTED

# Seconds of a call, operations a second, seconds of preparing.
BACKENDS = {"numpy": (1e-5, 1e9, 1e-4), "numba": (1e-4, 1e10, 1e-3)}


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


PLAN = FastestPlan(trainings=40, asked=6, backends=tuple(BACKENDS), threads=1, processes=2)


@pytest.fixture
def plan() -> FastestPlan:
    return PLAN


@pytest.fixture
def run_tasks(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fake = Measured()
    monkeypatch.setattr(measure, "run_tasks", fake)
    # Reading the facts of this machine, and watching its CPU, take seconds.
    monkeypatch.setattr(opening, "environment", lambda *_: FACTS)
    monkeypatch.setattr(opening, "conditions", lambda **_: SOUND)
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


@pytest.fixture(scope="package")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of the plan, below ``results/``: to be read only."""
    run = Run(
        plan=PLAN.as_json(),
        machine="box",
        environment=FACTS.id,
        commit="abc",
        started=STARTED,
        budget_seconds=60.0,
        spent_seconds=30.0,
    )
    trainings = draw(PLAN.trainings, PLAN.seed)
    with open_run(tmp_path_factory.mktemp("fastest") / "results", run, FACTS) as journal:
        Measured()(tasks(PLAN, trainings), journal, run)
        with measure.appending(journal.folder) as stream:
            for training in trainings[: PLAN.asked]:
                measure.append(stream, ask(training, PLAN))
        journal.finish(30.0)
        return journal.folder


@pytest.fixture
def measured_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    results = shutil.copytree(finished_run.parents[2], tmp_path / "results")
    return results / finished_run.relative_to(finished_run.parents[2])


@pytest.fixture(scope="package")
def truth(finished_run: Path) -> FastestTruth:
    return result_of(finished_run)
