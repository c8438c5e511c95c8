"""The log-ratio of two backends at one size: of pairs, of single values, or unpaired.

It is challenger time over incumbent time, before other sizes have a say in its error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from perceptron.analysis.contention import UNKNOWN, hidden, those_that_count
from perceptron.analysis.interval import Array, trimmed
from perceptron.analysis.select import is_own
from perceptron.records.measurement import Measurement


class LogRatio(NamedTuple):
    """A log-ratio with its standard error, the degrees of freedom behind that, and their fields."""

    processes: tuple[int, ...]
    ratios: Array
    values: int
    mean: float
    error: float
    freedom: float
    weight: float
    """The error's square times this is the variance of one ratio."""
    stated: tuple[float, float] | None
    spread: float
    taken: int
    """Processes that measured both, or values: those that count may be fewer."""
    hidden: float = 0.0
    """How far waiting for cores may have moved the mean; `UNKNOWN` of one process of ours."""


def _by_process(rows: Sequence[Measurement]) -> dict[int, Measurement]:
    """Return rows by process; raises ValueError where two have the same."""
    by_process = {row.repeat: row for row in rows}
    if len(by_process) < len(rows):
        row = rows[0]
        raise ValueError(f"two times of {row.backend} in one process: {row.problem}")
    return by_process


def log_ratio(
    incumbents: Sequence[Measurement], challengers: Sequence[Measurement]
) -> LogRatio | None:
    """Return the log-ratio from the rows of both at one size; None where no process has both.

    Raises ValueError where two rows of a backend have the same process.
    """
    incumbent, challenger = _by_process(incumbents), _by_process(challengers)
    if len(incumbent) == len(challenger) == 1:
        (one,), (other,) = incumbent.values(), challenger.values()
        if incumbent.keys() == challenger.keys() or not is_own(one):
            return _of_single_values(one, other, tuple(incumbent))
    shared = sorted(incumbent.keys() & challenger.keys())
    if is_own(next(iter(incumbent.values()))) or _are_runs(incumbent, challenger):
        if not shared:
            return None
        return _of_pairs(shared, incumbent, challenger)
    return _of_unpaired(list(incumbent.values()), list(challenger.values()))


def _of_pairs(
    shared: Sequence[int],
    incumbent: Mapping[int, Measurement],
    challenger: Mapping[int, Measurement],
) -> LogRatio:
    """Return the log-ratio of processes that measured both, uncontended if there are enough."""
    counted = those_that_count(shared, incumbent, challenger)
    ratios = np.array([_log(challenger[process]) - _log(incumbent[process]) for process in counted])
    mean, error, freedom = trimmed(ratios)
    return LogRatio(
        tuple(counted),
        ratios,
        len(counted),
        float(mean),
        float(error),
        freedom,
        len(counted),
        None,
        0.0,
        len(shared),
        UNKNOWN
        if len(counted) == 1
        else hidden(*([rows[process] for process in counted] for rows in (incumbent, challenger))),
    )


def _are_runs(incumbent: Mapping[int, Measurement], challenger: Mapping[int, Measurement]) -> bool:
    """Return whether each process of other people's rows is a file, which measured both.

    Rows that one file repeats may stand in any order. In that of their times, paired ones would
    hardly differ, and noise alone would name a winner.
    """
    files = {process: row.file for process, row in incumbent.items()}
    return len(set(files.values())) == len(files) and files == {
        process: row.file for process, row in challenger.items()
    }


def _log(row: Measurement) -> float:
    assert row.seconds is not None, "rows without a time were left out"
    return log(row.seconds)


def _of_single_values(
    incumbent: Measurement, challenger: Measurement, processes: tuple[int, ...]
) -> LogRatio:
    mean = _log(challenger) - _log(incumbent)
    stated = None
    if _states_interval(incumbent) or _states_interval(challenger):
        (low, high), (other_low, other_high) = _ends(incumbent), _ends(challenger)
        stated = (other_low - high, other_high - low)
    spread = hypot(
        *(row.stdev / row.seconds for row in (incumbent, challenger) if row.stdev and row.seconds)
    )
    unknown = UNKNOWN if is_own(incumbent) else 0.0
    return LogRatio(processes, np.array([mean]), 1, mean, 0.0, 0, 1.0, stated, spread, 1, unknown)


def _states_interval(row: Measurement) -> bool:
    return row.low is not None or row.high is not None


def _ends(row: Measurement) -> tuple[float, float]:
    """Return the logarithms of the ends of a stated interval; of the value itself without one."""
    if not _states_interval(row):
        return _log(row), _log(row)
    return log(row.low) if row.low else -inf, log(row.high) if row.high else inf


def _of_unpaired(incumbent: Sequence[Measurement], challenger: Sequence[Measurement]) -> LogRatio:
    """Return the log-ratio of two trimmed means, with Welch's degrees of freedom.

    Where one backend has a single value, it is taken to vary as the other does.
    """
    logs = [np.array([_log(row) for row in rows]) for rows in (incumbent, challenger)]
    means, errors, freedoms = zip(*(trimmed(values) for values in logs), strict=True)
    mean = float(means[1] - means[0])
    counts = [len(values) for values in logs]
    # If both vary alike, a ratio of single values has twice the variance of one value.
    weight = 2 / (1 / counts[0] + 1 / counts[1])
    if min(freedoms) > 0:
        squares = [float(error) ** 2 for error in errors]
        error = sqrt(sum(squares))
        spread = sum(square**2 / free for square, free in zip(squares, freedoms, strict=True))
        freedom = sum(squares) ** 2 / spread if spread else float(sum(freedoms))
    else:
        several = int(freedoms[1] > 0)
        error = float(errors[several]) * sqrt(1 + counts[several])
        freedom = float(freedoms[several])
    return LogRatio(
        (), np.array([]), min(counts), mean, error, freedom, weight, None, 0.0, min(counts)
    )
