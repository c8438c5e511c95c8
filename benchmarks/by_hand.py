"""`torch-cpu` and `numpy-plain` beside loops written by hand: ``python -m benchmarks.by_hand``.

Epochs of both alternate in one process on one thread, so that what else the machine does meets
both; the ratio is that of their shortest epochs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from os import environ

from benchmarks.shared import ROOT
from perceptron.backends import registry
from perceptron.backends.protocol import thread_variables
from perceptron.problems import catalogue

BACKENDS = ("torch-cpu", "numpy-plain")
PROBLEMS = ("mlp-batch:64", "digits")
# The suite's time over that by hand, at most.
MOST = 1.03
_SECONDS = 4.0


def ratios(backend: str, problem: str, rounds: int) -> list[float]:
    """Return the ratio that each of so many fresh processes measures."""
    command = [sys.executable, "-m", "benchmarks.by_hand", backend, problem]
    variables = dict(environ) | thread_variables(1)
    return [
        float(subprocess.check_output(command, cwd=ROOT, env=variables).split()[-1])
        for _ in range(rounds)
    ]


def ratio(backend: str, reference: str) -> float:
    """Measure the ratio in this process."""
    # One imports torch, and asv imports every module here.
    loop = import_module(f"benchmarks.plain.{backend.split('-')[0]}_loop")
    problem = catalogue.find(reference)
    (hidden,) = problem.hidden
    by_hand = loop.training(
        problem.dataset.rows, problem.dataset.features, hidden, problem.outputs, problem.step_rows
    )
    trainer = registry.load(backend).prepare(problem, "float32")
    per_epoch = problem.iterations_per_epoch

    def ours() -> None:
        trainer.train(per_epoch)

    return shortest_ratio(ours, by_hand, _SECONDS)


def shortest_ratio(ours: Callable[[], None], theirs: Callable[[], None], seconds: float) -> float:
    """Call both in turn for so long; return the shortest time of one over that of the other.

    Times are those that the thread ran: waiting for a core is neither's.
    """
    shortest = [float("inf")] * 2
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for index, train in enumerate((ours, theirs)):
            begin = time.thread_time()
            train()
            shortest[index] = min(shortest[index], time.thread_time() - begin)
    return shortest[0] / shortest[1]


def main() -> None:
    """Print the ratio of a backend on the problems named, or of all on all."""
    named, *problems = sys.argv[1:] or ["", *PROBLEMS]
    for backend in [named] if named else BACKENDS:
        for reference in problems or PROBLEMS:
            print(f"{backend} / by hand on {reference}: {ratio(backend, reference):.4f}")


if __name__ == "__main__":
    main()
