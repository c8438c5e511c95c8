"""Picking rows apart: what may be compared with what."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Seconds per iteration of this backend by process, where there are any."""
    return {
        row.process: row.seconds
        for row in rows
        if row.backend == backend and row.status == "ok" and row.seconds is not None
    }


def paired(rows: list[Measurement], first: str, second: str) -> tuple[list[float], list[float]]:
    """Times of two backends in the processes that measured both, in equal order."""
    ours, theirs = times(rows, first), times(rows, second)
    both = [process for process in ours if process in theirs]
    return [ours[process] for process in both], [theirs[process] for process in both]


def reason(rows: Iterable[Measurement], backend: str) -> str | None:
    """Why this backend has no time, from the first row that says."""
    return next((row.reason for row in rows if row.backend == backend and row.reason), None)
