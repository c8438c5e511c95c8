"""What waiting for cores does to a ratio: which processes count, and how much it may hide.

A sample whose threads waited for a share w of its time s would have taken about s·(1 − w): of two
threads beside a busy process, what samples lost against undisturbed ones and what they had waited
agreed within 5 points in the median of nine kinds of samples. So where nothing undisturbed was to
be had, the undisturbed time lies between s·(1 − w) and s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log
from statistics import fmean

from perceptron.records.measurement import Measurement
from perceptron.records.waited import largest_waited
from perceptron.waiting import LARGEST_WAITED_SHARE

# With fewer undisturbed processes the disturbed ones say more, for all that waiting hides.
_FEWEST = 3
# Waiting adds up over threads: from here on nothing is known but that it was long.
_MOST = 0.99


def is_disturbed(row: Measurement) -> bool:
    """Return whether the row's time rests on samples whose threads waited."""
    if row.waited is None or row.waited <= LARGEST_WAITED_SHARE:
        return False  # nearly always, and each row is asked several times
    return row.waited > largest_waited(row.all_threads or 1, row.processes or 1)


def disturbed_samples(rows: Iterable[Measurement]) -> tuple[int, int]:
    """Return how many samples were disturbed, and how many were taken, where that is known.

    Those that count are disturbed as well where nothing else was to be had.
    """
    disturbed = taken = 0
    for row in rows:
        if row.waited is not None:
            taken += len(row.samples) + (row.disturbed or 0)
            disturbed += len(row.samples) * is_disturbed(row) + (row.disturbed or 0)
    return disturbed, taken


def those_that_count(
    shared: Sequence[int],
    incumbent: Mapping[int, Measurement],
    challenger: Mapping[int, Measurement],
) -> list[int]:
    """Return the processes in which neither backend was disturbed, or all if these are too few."""
    undisturbed = [
        process
        for process in shared
        if not (is_disturbed(incumbent[process]) or is_disturbed(challenger[process]))
    ]
    return undisturbed if len(undisturbed) >= _FEWEST else list(shared)


def hidden(*backends: Iterable[Measurement]) -> float:
    """Return how far waiting may have moved the log-ratio of two backends' rows: 0 without any."""
    return max(fmean(map(_lost, rows)) for rows in backends)


def _lost(row: Measurement) -> float:
    """Return the logarithm of the time over what it would be without the waiting."""
    waited = row.waited or 0.0
    return -log(1 - min(waited, _MOST)) if is_disturbed(row) else 0.0
