"""Conditions on this machine that make timings untrustworthy."""

from __future__ import annotations

from perceptron.backends import registry
from perceptron.machine import require_threads
from perceptron.measure.budget import Progress
from perceptron.measure.conditions import conditions
from perceptron.measure.environment import environment
from perceptron.measure.other_processes import Look, with_seen
from perceptron.statistics.trust import Diagnosis, warnings_about


def doctor(threads: int, progress: Progress) -> Diagnosis:
    """Read the machine's conditions for ``threads`` threads, and measure how steady it is.

    This takes a few seconds. Raises `UserError` if no fresh process can be started, or if this
    machine cannot use that many threads.
    """
    require_threads(threads)
    progress(0, 2, "a fixed loop in fresh processes, and other users of the cores")
    # First, while nothing else of this program runs.
    look = Look()
    measured = with_seen(conditions(with_loop=True), look.end())
    progress(1, 2, "processor and libraries")
    # NumPy alone: only its BLAS can be pinned, and other libraries take seconds to import.
    facts = environment([registry.load("numpy")], threads)
    progress(2, 2, "done")
    return Diagnosis(
        environment=facts,
        threads=threads,
        conditions=measured,
        warnings=warnings_about(facts, threads, measured),
    )
