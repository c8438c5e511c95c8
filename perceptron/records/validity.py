"""Find rows with impossible values: files of results come from elsewhere, or were damaged.

Readers skip such rows and name their file, so that no result and no page uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isnan
from operator import attrgetter

from perceptron.records.measurement import EXTRAS
from perceptron.records.race import RaceRow, Training
from perceptron.records.row import Row

SHORTEST_STEP = 1e-9
"""Seconds of a training step: thousands of instructions; a core completes a few in 1 ns."""
SHORTEST_SECONDS = 1e-12
"""Seconds of anything else: other tools time single instructions, several of which run at once."""
# Small enough that ten thousand of the longest times, and the square of a size, do not overflow.
LONGEST_SECONDS = 1e9
SMALLEST_SIZE = 1e-9
LARGEST_SIZE = 2**60

_TIMES = (
    *("unpacked_seconds", "device_seconds", "prepare_seconds"),
    *("stdev", "low", "high"),
)
_COUNTS = (
    *("threads", "processes", "iterations", "batch", "models"),
    *("features", "outputs", "iterations_per_epoch"),
)
_AMOUNTS = ("repeat", "rows", "peak_bytes", "waited", "contended", "energy_joules")
_READINGS = ("sm_mhz", "max_sm_mhz", "power_limit_watts", "temperature_celsius")
_times, _counts, _amounts, _readings = (
    attrgetter(*names) for names in (_TIMES, _COUNTS, _AMOUNTS, _READINGS)
)


def impossible(row: Row) -> str | None:
    """Return why a row is impossible, naming the field and its value; None if it is possible."""
    if isinstance(row, RaceRow):
        return _too_fast("fresh", row.fresh) or _too_fast("resident", row.resident)
    is_step = row.status == "ok" and row.phase is None and row.family not in EXTRAS
    if is_step and not row.seconds:
        return "no seconds, although its status is ok"
    shortest = SHORTEST_STEP if is_step and row.source == "perceptron" else SHORTEST_SECONDS
    return (
        _outside(("size",), (row.size,), SMALLEST_SIZE, LARGEST_SIZE)
        or _outside(("seconds",), (row.seconds,), shortest, LONGEST_SECONDS, or_0=True)
        or _sample_outside("samples", row.samples, shortest)
        or _sample_outside("dropped", row.dropped, shortest)
        or _outside(_TIMES, _times(row), SHORTEST_SECONDS, LONGEST_SECONDS, or_0=True)
        or _count_outside(_counts(row))
        or _outside(_AMOUNTS, _amounts(row), 0, LARGEST_SIZE)
        or (row.hidden and _outside(("hidden",), row.hidden, 1, LARGEST_SIZE))
        or (row.anchors and _anchor_outside(tuple(row.anchors.values())))
        or (row.gpu and _outside(_READINGS, _readings(row.gpu), -LARGEST_SIZE, LARGEST_SIZE))
        or None
    )


def _sample_outside(name: str, samples: Sequence[float], shortest: float) -> str | None:
    # Each row has about twenty samples: `min` and `max` are faster than a loop over them.
    if not samples or (
        shortest <= min(samples) <= max(samples) <= LONGEST_SECONDS and not isnan(sum(samples))
    ):
        return None
    return _outside((name,), samples, shortest, LONGEST_SECONDS, or_0=True)


def _anchor_outside(seconds: Sequence[float]) -> str | None:
    return _outside(("anchors",), seconds, SHORTEST_SECONDS, LONGEST_SECONDS)


# A million rows have a few hundred different counts.
@lru_cache(maxsize=4096)
def _count_outside(counts: tuple[int | None, ...]) -> str | None:
    return _outside(_COUNTS, counts, 1, LARGEST_SIZE)


def _outside(
    names: Sequence[str],
    values: Sequence[float | None],
    lowest: float,
    highest: float,
    or_0: bool = False,
) -> str | None:
    """Return the name of a value outside ``least`` to ``most``; a list has one name for all."""
    # A plain loop, since every row of a folder passes here and a generator takes twice as long.
    for value in values:
        if value is None or lowest <= value <= highest or (or_0 and value == 0):
            continue
        # `index` finds a NaN, too: it compares by identity first.
        name = names[values.index(value)] if len(names) == len(values) else names[0]
        return f"{name}: {value!r:.40} is impossible"
    return None


def _too_fast(name: str, training: Training | None) -> str | None:
    for check in () if training is None else training.checks:
        if check.seconds < check.iterations * SHORTEST_STEP:
            return f"{name}: {check.iterations} iterations in {check.seconds!r} s are impossible"
    return None
