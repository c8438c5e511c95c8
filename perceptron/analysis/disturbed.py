"""What waiting for cores does to a ratio: which processes count, and how much it may hide.

A sample whose threads waited for a small share w of its time s would have taken about s·(1 − w), so
where nothing undisturbed was to be had, the undisturbed time lies between s·(1 − w) and s. Beyond
a quarter that is no bound: a thread that spins at a barrier until another one has a core waits for
nothing, and iterations of 0.2 ms were seen to take 16 to 60 ms. Such a row decides nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from math import log
from statistics import fmean

from perceptron.records.measurement import Measurement
from perceptron.records.waited import largest_waited
from perceptron.waiting import LARGEST_WAITED_SHARE

# With fewer undisturbed processes the disturbed ones say more, for all that waiting hides.
_FEWEST = 3
# A larger share of waiting bounds nothing. On idle machines 3 in 10,000 rows waited for more.
_LARGEST_BOUNDED = 0.25
# Two sides of which one waited for so much more, as a logarithm, were not measured alike.
_UNLIKE = -log(1 - 0.1)
UNKNOWN = 2 * log(sys.float_info.max)
"""How far a log-ratio may be off where nothing bounds it: no float holds an end of its interval."""


def is_disturbed(row: Measurement) -> bool:
    """Return whether the row's time rests on samples whose threads waited."""
    if row.waited is None or row.waited <= LARGEST_WAITED_SHARE:
        return False  # nearly always, and each row is asked several times
    return _lost(row) > 0


def lost_by_waiting(waited: float | None, threads: int, processes: int) -> float:
    """Return the logarithm of a time over what it would be if no thread had waited.

    0 for so short a wait that it says nothing, and `UNKNOWN` beyond what bounds anything.
    """
    if waited is None or waited <= largest_waited(threads, processes):
        return 0.0
    return -log(1 - waited) if waited <= _LARGEST_BOUNDED else UNKNOWN


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
    """Return the processes in which neither backend was disturbed, or all if these are too few.

    Without those of which waiting leaves nothing known, if any others are left.
    """
    lost = {
        process: max(_lost(incumbent[process]), _lost(challenger[process])) for process in shared
    }
    undisturbed = [process for process in shared if not lost[process]]
    if len(undisturbed) >= _FEWEST:
        return undisturbed
    return [process for process in shared if lost[process] < UNKNOWN] or list(shared)


def hidden(*backends: Iterable[Measurement]) -> float:
    """Return how far waiting may have moved the log-ratio of two backends' rows.

    0 without any, and `UNKNOWN` where a row or the difference of the two is beyond all bounds.
    """
    lost = [[_lost(row) for row in rows] for rows in backends]
    means = [fmean(of_side) for of_side in lost]
    if any(UNKNOWN in of_side for of_side in lost) or max(means) - min(means) > _UNLIKE:
        return UNKNOWN
    return max(means)


def _lost(row: Measurement) -> float:
    return lost_by_waiting(row.waited, row.all_threads or 1, row.processes or 1)
