"""What a step on a batch takes: Adam over plain gradient descent, and allocating nothing.

All trainers of a problem take turns in one process, on one thread, and of each the fastest of many
short trainings counts: so a neighbour of the process slows them alike or is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from threadpoolctl import threadpool_limits

from perceptron.backends import registry
from perceptron.backends.protocol import Trainer
from perceptron.measure.memory import keep_freed_memory
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem

REPETITIONS = 150
ITERATIONS = 100
SMALL_BATCHES = "mlp-batch:64"
# Adam's step over that of plain gradient descent, at most, on small batches.
ADAM_OVER_SGD = {"numpy": 2.5, "numpy-inplace": 2.1}
# Of numpy's step with Adam, numpy-inplace takes at most.
INPLACE_OVER_NUMPY = 0.6


def lines() -> Iterator[str]:
    """Yield a line for each target: what was reached, and whether that is enough."""
    from benchmarks.targets import report_line  # asv imports every module here

    for reference in (SMALL_BATCHES, "digits"):
        problem = catalogue.find(reference)
        seconds = step_seconds(problem)
        if reference == SMALL_BATCHES:
            for name, most in ADAM_OVER_SGD.items():
                ratio = seconds[name, "adam"] / seconds[name, "sgd"]
                yield report_line(f"{name}: Adam / sgd on {reference}", [ratio], most)
        ratio = seconds["numpy-inplace", "adam"] / seconds["numpy", "adam"]
        yield report_line(f"numpy-inplace / numpy on {reference}", [ratio], INPLACE_OVER_NUMPY)


def step_seconds(problem: Problem) -> dict[tuple[str, str], float]:
    """Return seconds of a step by backend and optimizer, on one thread in float32."""
    plain = replace(problem, optimizer=Sgd(rate=0.1))
    keep_freed_memory()
    with threadpool_limits(1):
        return fastest(
            {
                (name, kind): registry.load(name).prepare(version, "float32")
                for name in ADAM_OVER_SGD
                for kind, version in (("adam", problem), ("sgd", plain))
            }
        )


def fastest(trainers: Mapping[tuple[str, str], Trainer]) -> dict[tuple[str, str], float]:
    """Return seconds of an iteration of each: its fastest training, all in turn."""
    best = dict.fromkeys(trainers, float("inf"))
    for _ in range(REPETITIONS):
        for key, trainer in trainers.items():
            begin = time.perf_counter()
            trainer.train(ITERATIONS)
            best[key] = min(best[key], (time.perf_counter() - begin) / ITERATIONS)
    return best
