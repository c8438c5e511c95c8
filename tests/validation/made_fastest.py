"""A machine made up whose backends cost an overhead and work over a rate, for `make fastest`."""

from __future__ import annotations

from math import exp, inf
from typing import Any

import numpy as np

from benchmarks.validation.fastest.measure import Pick, Way
from benchmarks.validation.fastest.trainings import Training, plan
from perceptron.measure.campaign import Ask
from perceptron.measure.job import Job, Outcome
from perceptron.measure.rows import rows_of, subject_fields
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.run import Run
from perceptron.records.store import RunJournal

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
    """Stands in for the loop: rows of this machine, each process off by about a percent."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.measured: list[Job] = []

    def __call__(self, ask: Ask, journal: RunJournal, run: Run, *_: Any) -> bool:
        for job in ask(journal.rows, inf):
            problem = catalogue.find(job.problem)
            seconds = seconds_of(job.backend, problem) * exp(self.random.normal(0, 0.01))
            outcome = Outcome(
                seconds=seconds,
                samples=[seconds] * 5,
                iterations=10,
                prepare_seconds=BACKENDS[job.backend][2],
            )
            journal.append(*rows_of(job, subject_fields(job), outcome, run))
            self.measured.append(job)
        return True


PLAN = plan(trainings=40, asked=6, backends=list(BACKENDS), threads=1, processes=2)


def ask(training: Training, way: Way) -> Pick:
    """Answer right, as who has measured."""
    best = fastest_of(training)
    return Pick(
        reference=training.reference,
        epochs=training.epochs,
        way=way,
        backend=best,
        sure=True,
        seconds=total_of(best, training),
        low=0.95 * total_of(best, training),
        high=1.05 * total_of(best, training),
        source="measured",
    )
