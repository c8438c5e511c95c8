"""Estimates beside measurements of the device that they are of."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from perceptron.analysis.interval import of_times
from perceptron.analysis.what_if.estimate import DeviceEstimate, WhatIf
from perceptron.records.measurement import Measurement


class EstimateCheck(Struct, frozen=True, kw_only=True):
    """An estimate beside a measurement of the same backend and problem; ``error`` is likely over
    measured, less 1.

    Both are None, with a ``reason``, where nothing says what the measuring host's dispatch takes.
    """

    machine: str
    family: str
    backend: str
    size: float
    threads: int | None
    measured: float
    estimated: DeviceEstimate | None = None
    error: float | None = None
    reason: str | None = None

    @property
    def is_inside(self) -> bool:
        """Whether the estimate's range holds what was measured."""
        estimated = self.estimated
        return estimated is not None and estimated.low <= self.measured <= estimated.high


def check(
    rows: Sequence[Measurement], estimated: DeviceEstimate | None, reason: str | None = None
) -> EstimateCheck:
    """Compare an estimate with the rows of one backend on one problem, machine and threads."""
    first = rows[0]
    measured = of_times([row.seconds for row in rows if row.seconds is not None]).estimate
    return EstimateCheck(
        machine=first.machine,
        family=first.family,
        backend=first.backend,
        size=first.size,
        threads=first.all_threads,
        measured=measured,
        estimated=estimated,
        error=None if estimated is None else estimated.seconds / measured - 1,
        reason=reason,
    )


class Kept(Struct, frozen=True, kw_only=True):
    """What a run keeps of a device that is not here."""

    estimates: list[WhatIf] = []
    checks: list[EstimateCheck] = []
    """The same estimates where a device like it was measured."""
