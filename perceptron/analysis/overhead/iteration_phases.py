"""Iteration phases, from loops each of which ends one iteration phase later than the one before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from perceptron.analysis.contention import UNKNOWN, hidden, those_that_count
from perceptron.analysis.interval import of_times, robust_mean
from perceptron.analysis.select import rows_by_process, times
from perceptron.records.measurement import Measurement


class IterationPhase(Struct, frozen=True, kw_only=True):
    """One iteration phase: the difference of two loops, with and without it.

    It has no interval where one process or contention leaves it undecided.
    """

    backend: str
    phase: str
    seconds_per_iteration: float
    low: float | None
    high: float | None


class WholeIteration(Struct, frozen=True, kw_only=True):
    """The iteration phases of a backend together, beside its iteration measured on its own."""

    backend: str
    phases_seconds: float
    seconds_per_iteration: float


def iteration_phases(rows: Sequence[Measurement], backend: str) -> list[IterationPhase]:
    """Return the iteration phases of a backend in their order, from loops that end after each.

    Loops are subtracted process by process, so that what a process adds to all loops cancels, and
    contended processes count as in a ratio.
    """
    names = list(
        dict.fromkeys(
            row.phase for row in rows if row.backend == backend and row.phase and row.problem
        )
    )
    parts = []
    before: dict[int, Measurement] = {}
    for index, name in enumerate(names):
        upto = rows_by_process(rows, backend, name)
        loops = (upto, before) if index else (upto,)
        shared = sorted(set.intersection(*map(set, loops)))
        before = upto
        if not shared:
            continue
        counted = those_that_count(shared, loops[0], loops[-1])
        sides = [[loop[process] for process in counted] for loop in loops]
        seconds = [np.array([row.seconds for row in side]) for side in sides]
        middle, reach = robust_mean(seconds[0] - sum(seconds[1:]))
        # Either loop may be shorter by as much.
        lost = hidden(*sides)
        reach += lost * float(seconds[0].mean())
        is_open = len(counted) < 2 or lost >= UNKNOWN
        parts.append(
            IterationPhase(
                backend=backend,
                phase=name,
                seconds_per_iteration=middle,
                low=None if is_open else middle - reach,
                high=None if is_open else middle + reach,
            )
        )
    return parts


def whole_iteration(rows: Sequence[Measurement], backend: str) -> WholeIteration | None:
    """Return the iteration phases together and the iteration; None where either has no time."""
    parts, seconds = iteration_phases(rows, backend), list(times(rows, backend).values())
    if not parts or not seconds:
        return None
    return WholeIteration(
        backend=backend,
        phases_seconds=sum(phase.seconds_per_iteration for phase in parts),
        seconds_per_iteration=of_times(seconds).estimate,
    )
