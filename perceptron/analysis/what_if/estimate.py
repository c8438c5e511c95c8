"""What a device that is not here might take: an estimate with a range, never a measurement.

An iteration takes the longer of what the host must dispatch and what the device must do:

    max(kernels · dispatch, Σ max(shortest kernel, bytes / bandwidth, operations / rate))

The kernels are counted, dispatch is what this host was measured to need for an operation, plus a
launch; bandwidth and rate are what the maker states. The range takes all of these at their best
and at their worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import Literal

from msgspec import Struct

from perceptron.analysis.interval import of_times
from perceptron.analysis.select import times
from perceptron.analysis.what_if.devices import (
    LAUNCH,
    REACHED,
    REPLAY,
    REPLAYED_KERNEL,
    SHORTEST_KERNEL,
    Device,
)
from perceptron.records.measurement import Measurement

CaseStatus = Literal["crosses", "always", "never"]
Status = Literal["crosses", "always", "never", "open"]
EAGER, GRAPH = "torch-cuda", "torch-cuda-graph"
# As the backend replays them.
_STEPS_A_REPLAY = 10


class KernelWork(Struct, frozen=True):
    """What one dispatched operation must compute, read and write."""

    operations: float
    bytes_moved: float


class DeviceEstimate(Struct, frozen=True, kw_only=True):
    """Seconds per iteration that a backend might take on a device: likely, at best and at worst."""

    backend: str
    device: str
    size: float
    seconds: float
    low: float
    high: float


class CaseStatuses(Struct, frozen=True, kw_only=True):
    """Whether the estimated backend overtakes, for each of the three estimates."""

    likely: CaseStatus
    best: CaseStatus
    worst: CaseStatus


class WhatIf(Struct, frozen=True, kw_only=True):
    """From which size up an estimated backend might beat a measured one on a family.

    ``size`` belongs to the likely estimate, ``low`` and ``high`` to the best and the worst; None
    where that does not cross within the sizes measured, and ``statuses`` then says whether it
    always or never wins. ``status`` is what all three agree on, else ``open``.
    """

    family: str
    incumbent: str
    challenger: str
    device: str
    status: Status
    statuses: CaseStatuses
    size: float | None
    low: float | None
    high: float | None
    estimates: list[DeviceEstimate]
    source: str


def estimate(
    kernels: Sequence[KernelWork], dispatch: float, device: Device, backend: str, size: float
) -> DeviceEstimate:
    """Estimate one iteration on ``device``; ``dispatch`` is the host's seconds per operation."""
    best, worst = (_seconds(kernels, dispatch, device, backend, side) for side in (0, 1))
    return DeviceEstimate(
        backend=backend,
        device=device.name,
        size=size,
        seconds=sqrt(best * worst),
        low=best,
        high=worst,
    )


def _seconds(
    kernels: Sequence[KernelWork], dispatch: float, device: Device, backend: str, side: int
) -> float:
    """Return the seconds of an iteration at best for side 0, at worst for 1."""
    reached = REACHED[1 - side]
    shortest = (REPLAYED_KERNEL if backend == GRAPH else SHORTEST_KERNEL)[side]
    busy = sum(
        max(
            shortest,
            kernel.bytes_moved / (reached * device.bandwidth),
            kernel.operations / (reached * device.float32),
        )
        for kernel in kernels
    )
    if backend == GRAPH:
        return REPLAY[side] / _STEPS_A_REPLAY + busy
    return max(len(kernels) * (dispatch + LAUNCH[side]), busy)


def what_if(
    family: str,
    incumbent: str,
    rows: Sequence[Measurement],
    estimates: Sequence[DeviceEstimate],
    device: Device,
) -> WhatIf | None:
    """Compare the measured times of one backend with estimates of another at the same sizes.

    None where no size has both.
    """
    by_size = {estimated.size: estimated for estimated in estimates}
    measured = {}
    for size in sorted(by_size):
        seconds = times([row for row in rows if row.size == size], incumbent)
        if seconds:
            measured[size] = of_times(list(seconds.values())).estimate
    if not measured:
        return None
    likely, best, worst = (
        _crossing({size: log(getattr(by_size[size], part) / measured[size]) for size in measured})
        for part in ("seconds", "low", "high")
    )
    statuses = CaseStatuses(likely=_status(likely), best=_status(best), worst=_status(worst))
    one_status = statuses.likely == statuses.best == statuses.worst
    return WhatIf(
        family=family,
        incumbent=incumbent,
        challenger=estimates[0].backend,
        device=device.name,
        status=statuses.likely if one_status else "open",
        statuses=statuses,
        size=_inside(likely),
        low=_inside(best),
        high=_inside(worst),
        estimates=[by_size[size] for size in measured],
        source=device.source,
    )


def _crossing(ratios: Mapping[float, float]) -> float:
    """Return the size from which the log-ratio stays below zero: 0 if always, inf if never."""
    ordered = sorted(ratios.items())
    if ordered[-1][1] >= 0:
        return inf
    crossing = 0.0
    for (left, before), (right, after) in pairwise(ordered):
        if before >= 0 > after:
            weight = before / (before - after)
            crossing = exp((1 - weight) * log(left) + weight * log(right))
    return crossing


def _status(crossing: float) -> CaseStatus:
    return "always" if crossing == 0 else "never" if crossing == inf else "crosses"


def _inside(crossing: float) -> float | None:
    return crossing if 0 < crossing < inf else None


class EstimateCheck(Struct, frozen=True, kw_only=True):
    """An estimate beside a measurement of the same backend and problem; ``error`` is likely over
    measured, less 1."""

    machine: str
    family: str
    measured: float
    estimated: DeviceEstimate
    error: float


def check(rows: Sequence[Measurement], estimated: DeviceEstimate) -> list[EstimateCheck]:
    """Compare an estimate with every machine's measurement of the same problem."""
    machines = dict.fromkeys((row.machine, row.family) for row in rows)
    checks = []
    for machine, family in machines:
        own = [row for row in rows if (row.machine, row.family) == (machine, family)]
        seconds = list(times(own, estimated.backend).values())
        if seconds:
            measured = of_times(seconds).estimate
            checks.append(
                EstimateCheck(
                    machine=machine,
                    family=family,
                    measured=measured,
                    estimated=estimated,
                    error=estimated.seconds / measured - 1,
                )
            )
    return checks
