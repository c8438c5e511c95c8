"""Picking rows apart: what may be compared with what."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from perceptron.records.measurement import Measurement


class Ground(NamedTuple):
    """What two rows must share to be compared."""

    machine: str
    dtype: str | None
    threads: int | None


def ground(row: Measurement) -> Ground:
    """Where and how this row was measured."""
    return Ground(row.machine, row.dtype, row.threads)


def times(rows: Iterable[Measurement], backend: str) -> dict[int, float]:
    """Seconds per iteration of this backend by process, where there are any.

    A time that is zero, negative or not finite is none. Raises ValueError where two rows claim the
    same process: then they are of different problems, and must be told apart first.
    """
    found: dict[int, float] = {}
    for row in rows:
        if row.backend != backend or row.status != "ok" or row.seconds is None:
            continue
        if row.process in found:
            raise ValueError(f"two times of {backend} in process {row.process}: {row.problem}")
        if 0 < row.seconds < inf:
            found[row.process] = row.seconds
    return found


def is_measured(rows: Iterable[Measurement], backend: str) -> bool:
    """Whether there is any time of this backend."""
    return any(row.backend == backend and row.status == "ok" for row in rows)


def paired(rows: list[Measurement], first: str, second: str) -> tuple[list[float], list[float]]:
    """Times of two backends in the processes that measured both, in equal order."""
    ours, theirs = times(rows, first), times(rows, second)
    both = [process for process in ours if process in theirs]
    return [ours[process] for process in both], [theirs[process] for process in both]


def reason(rows: Iterable[Measurement], backend: str) -> str | None:
    """Why this backend has no time, from the first row that says."""
    return next((row.reason for row in rows if row.backend == backend and row.reason), None)
