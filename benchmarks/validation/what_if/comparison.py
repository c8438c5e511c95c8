"""Estimates beside published times: does the range hold them, and how wide is it?"""

from __future__ import annotations

from statistics import median

from msgspec import Struct

from benchmarks.validation.what_if.published import (
    NotCompared,
    Published,
    PublishedRow,
    PublishedTable,
)
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import DeviceEstimate, KernelWork, estimate


class ComparedRow(Struct, frozen=True, kw_only=True):
    """A published time, its estimate with the range, and estimate over published."""

    table: str
    case: str
    hardware: str
    source: str
    kernels: int
    seconds: float
    low: float
    high: float
    published: float
    ratio: float
    inside: bool

    @property
    def width(self) -> float:
        """The worst case over the best."""
        return self.high / self.low


class WhatIfTruth(Struct, frozen=True, kw_only=True):
    """All comparisons, how many of the ranges hold what was published, and how wide they are."""

    rows: list[ComparedRow]
    inside: int
    median_width: float
    not_compared: list[NotCompared]


def compare(published: Published) -> WhatIfTruth:
    """Estimate every published time with the dispatch that its own host's CPU shows."""
    rows = [_compared(table, row) for table in published.tables for row in table.rows]
    return WhatIfTruth(
        rows=rows,
        inside=sum(row.inside for row in rows),
        median_width=median(row.width for row in rows),
        not_compared=published.not_compared,
    )


def _compared(table: PublishedTable, row: PublishedRow) -> ComparedRow:
    kernels = [work for shape in row.kernels for work in shape.work()]
    estimates = _estimates(table, kernels)
    low = min(one.low for one in estimates)
    high = max(one.high for one in estimates)
    seconds = (low * high) ** 0.5
    return ComparedRow(
        table=table.name,
        case=row.case,
        hardware=table.hardware,
        source=table.source,
        kernels=len(kernels),
        seconds=seconds,
        low=low,
        high=high,
        published=row.seconds,
        ratio=seconds / row.seconds,
        inside=low <= row.seconds <= high,
    )


def _estimates(table: PublishedTable, kernels: list[KernelWork]) -> list[DeviceEstimate]:
    """Return the estimate for the table's device; for all devices where it has none."""
    devices = DEVICES.values() if table.device is None else [DEVICES[table.device]]
    return [
        estimate(
            kernels,
            0.0 if table.host is None else table.host.dispatch,
            device,
            table.backend,
            1,
            gradients=table.gradients,
            steps_a_replay=1,
        )
        for device in devices
    ]
