"""The published finding, beside what was measured here: 10,000 iterations on the OR gate."""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec import Struct

from perceptron.analysis.interval import of_times
from perceptron.analysis.select import NOT_REACHED, reason, times
from perceptron.analysis.side_by_side import ratio_of
from perceptron.records.measurement import Measurement

FAMILY = "or-gate"
ITERATIONS = 10_000

# Seconds, from the walk-through's page; its hardware is not named.
PUBLISHED = {"numpy-published": 1.7, "torch-cpu": 8.1, "torch-cuda": 23.1}


def published_iteration_seconds(problem: str) -> dict[str, float]:
    """Return the published seconds per iteration by backend; none for another problem."""
    if problem != FAMILY:
        return {}
    return {backend: seconds / ITERATIONS for backend, seconds in PUBLISHED.items()}


def finding_backends(backends: Iterable[str], beside: Container[str] = ()) -> tuple[str, ...]:
    """Return these backends, without those ``beside`` it, after the walk-through's own arithmetic.

    Ratios to that one compare with the published ratios; an optimised NumPy inflates them.
    """
    taken = [name for name in backends if name not in beside]
    return tuple(dict.fromkeys(("numpy-published", *taken)))


class FindingRow(Struct, frozen=True, kw_only=True):
    """One backend's whole training; seconds and ratios with their 95 % intervals.

    ``ratio_to_numpy`` compares with our ``numpy``, ``ratio_to_published`` with the walk-through's
    own arithmetic, ``numpy-published``; that is what ``published_ratio`` was measured against.
    """

    backend: str
    dtype: str | None
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    processes: int = 0
    ratio_to_numpy: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    ratio_to_published: float | None = None
    published_low: float | None = None
    published_high: float | None = None
    published_seconds: float | None = None
    published_ratio: float | None = None
    reason: str | None = None


def finding(rows: Iterable[Measurement], backends: Iterable[str]) -> list[FindingRow]:
    """Return a row for each backend, in this order; one without times has a reason instead.

    As published, NumPy runs in float64 and PyTorch in float32.
    """
    trainings = finding_rows(rows)
    return [_row(trainings, backend) for backend in backends]


def finding_rows(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows that the finding is read off."""
    return [row for row in rows if row.family == FAMILY and row.iterations in (None, ITERATIONS)]


def _row(rows: list[Measurement], backend: str) -> FindingRow:
    dtype = next((row.dtype for row in rows if row.backend == backend), None)
    published = PUBLISHED.get(backend)
    seconds = list(times(rows, backend).values())
    if not seconds:
        return FindingRow(
            backend=backend,
            dtype=dtype,
            published_seconds=published,
            published_ratio=_over_published(published),
            reason=reason(rows, backend) or NOT_REACHED,
        )
    training = of_times([ITERATIONS * value for value in seconds])
    to_numpy = ratio_of(rows, backend, "numpy")
    to_published = ratio_of(rows, backend, "numpy-published")
    return FindingRow(
        backend=backend,
        dtype=dtype,
        seconds=training.estimate,
        low=training.low,
        high=training.high,
        processes=len(seconds),
        ratio_to_numpy=to_numpy.estimate if to_numpy else None,
        ratio_low=to_numpy.low if to_numpy else None,
        ratio_high=to_numpy.high if to_numpy else None,
        ratio_to_published=to_published.estimate if to_published else None,
        published_low=to_published.low if to_published else None,
        published_high=to_published.high if to_published else None,
        published_seconds=published,
        published_ratio=_over_published(published),
    )


def _over_published(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / PUBLISHED["numpy-published"]
