"""Iteration phases, from loops each of which ends one iteration phase later than the one before."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from perceptron.analysis.interval import of_times, robust_mean
from perceptron.analysis.select import times
from perceptron.records.measurement import Measurement


class IterationPhase(Struct, frozen=True, kw_only=True):
    """One iteration phase: the difference of two loops, with and without it."""

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

    Loops are subtracted process by process, so that what a process adds to all loops cancels.
    """
    names = list(
        dict.fromkeys(
            row.phase for row in rows if row.backend == backend and row.phase and row.problem
        )
    )
    parts = []
    before: dict[int, float] = {}
    for index, name in enumerate(names):
        upto = times(rows, backend, phase=name)
        own = [
            value - before.get(process, 0.0)
            for process, value in sorted(upto.items())
            if index == 0 or process in before
        ]
        before = upto
        if not own:
            continue
        middle, reach = robust_mean(own)
        is_single = len(own) < 2
        parts.append(
            IterationPhase(
                backend=backend,
                phase=name,
                seconds_per_iteration=middle,
                low=None if is_single else middle - reach,
                high=None if is_single else middle + reach,
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
