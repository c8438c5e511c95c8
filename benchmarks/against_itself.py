"""A backend against itself, measured as studies measure two: whether an interval holds 1."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.speeds import SelfRatios, SelfRound
from perceptron.backends import registry
from perceptron.machine import machine_name
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import Workers
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import now

PAIRS = 8
# A backend and its threads; on small problems, where a neighbour disturbs most.
ALIKE = (("numpy", 1), ("torch-cpu", 2))
ALIKE_PROBLEMS = ("mlp-width:32", "mlp-width:128", "mlp-width:512", "perceptron-rows:1024")
ALIKE_SECONDS = 55.0
"""A round of pairs begins within so many seconds; there is one at least."""
DTYPE: DType = "float32"

Pair = Callable[[int], SelfRound]
"""Given its number, the rows of two fresh processes, one of each side."""


def alike_speed() -> list[SelfRatios]:
    """Return each backend against itself, in pairs of fresh processes."""
    return [
        self_ratios(backend, threads, partial(pair_of, backend, threads))
        for backend, threads in ALIKE
    ]


def self_ratios(
    backend: str,
    threads: int,
    pair: Pair,
    seconds: float = ALIKE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> SelfRatios:
    """Take rounds of eight pairs: as many processes as a crossover has."""
    begin, rounds = clock(), []
    while True:
        pairs = [pair(number) for number in range(PAIRS)]
        rounds.append(
            SelfRound(
                first=[row for taken in pairs for row in taken.first],
                second=[row for taken in pairs for row in taken.second],
            )
        )
        if clock() - begin >= seconds:
            return SelfRatios(backend=backend, threads=threads, rounds=rounds)


def pair_of(
    backend: str, threads: int, number: int, problems: Sequence[str] = ALIKE_PROBLEMS
) -> SelfRound:
    """Time two fresh processes; they take turns problem by problem, in random order, as studies do.

    ``number`` is the process in both sides' rows.
    """
    taken = SelfRound(first=[], second=[])
    loaded, shuffle = registry.load(backend), random.Random()
    jobs = [_job(backend, threads, problem) for problem in problems]
    sides = [("first", taken.first), ("second", taken.second)]
    shuffle.shuffle(jobs)
    with Workers() as workers:
        workers.warm({name: (jobs[0], loaded) for name, _ in sides})
        for job in jobs:
            shuffle.shuffle(sides)
            problem = catalogue.find(job.problems[0])
            for name, rows in sides:
                rows += [
                    _row(outcome, problem, job, number)
                    for outcome in workers.run(name, job, loaded)
                ]
    return taken


def _job(backend: str, threads: int, problem: str) -> Batch:
    return Batch(
        backend=backend,
        problems=[problem],
        dtype=DTYPE,
        threads=threads,
        samples=5,
        minimum_seconds=0.01,
    )


def _row(outcome: Outcome, problem: Problem, job: Batch, number: int) -> Measurement:
    return Measurement(
        source="perceptron",
        machine=machine_name(),
        when=now(),
        repeat=number,
        problem=problem.name,
        family=problem.family,
        size=problem.size,
        backend=job.backend,
        dtype=job.dtype,
        threads=job.threads,
        **{field: getattr(outcome, field) for field in Timings.__struct_fields__},
    )
