"""The phases of an iteration, from loops each of which ends after one phase more than the last."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from perceptron.analysis.interval import of_times, robust_mean
from perceptron.analysis.select import times
from perceptron.records.measurement import Measurement


class IterationPhase(Struct, frozen=True, kw_only=True):
    """A part of an iteration: the difference of two loops, with and without it."""

    backend: str
    phase: str
    seconds_per_iteration: float
    low: float | None
    high: float | None


class WholeIteration(Struct, frozen=True, kw_only=True):
    """The phases of a backend together, beside its iteration measured as always."""

    backend: str
    phases_seconds: float
    seconds_per_iteration: float


def phases(rows: Sequence[Measurement], backend: str) -> list[IterationPhase]:
    """The phases of a backend's iteration in their order, from loops that end after each.

    Differences are taken process by process, so that what a process adds to all loops cancels.
    """
    names = list(
        dict.fromkeys(
            row.phase for row in rows if row.backend == backend and row.phase and row.problem
        )
    )
    found = []
    before: dict[int, float] = {}
    for place, name in enumerate(names):
        upto = times(rows, backend, phase=name)
        own = [
            value - before.get(process, 0.0)
            for process, value in sorted(upto.items())
            if place == 0 or process in before
        ]
        before = upto
        if not own:
            continue
        middle, reach = robust_mean(own)
        one = len(own) < 2
        found.append(
            IterationPhase(
                backend=backend,
                phase=name,
                seconds_per_iteration=middle,
                low=None if one else middle - reach,
                high=None if one else middle + reach,
            )
        )
    return found


def whole(rows: Sequence[Measurement], backend: str) -> WholeIteration | None:
    """The phases together, beside the iteration by itself; None where either has no time."""
    found, seconds = phases(rows, backend), list(times(rows, backend).values())
    if not found or not seconds:
        return None
    return WholeIteration(
        backend=backend,
        phases_seconds=sum(phase.seconds_per_iteration for phase in found),
        seconds_per_iteration=of_times(seconds).estimate,
    )
