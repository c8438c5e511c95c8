"""What a device that is not here might take: an estimate with a range, never a measurement.

An iteration takes the longer of what the host must dispatch and what the device must do:

    max(kernels · (factor · dispatch + launch) + backward,
        Σ max(shortest kernel, bytes / bandwidth, operations / rate))

The kernels are counted; dispatch is what the host was measured to need for an operation on its CPU,
of which it needs more for a device, and once more for a backward pass; bandwidth and rate are what
the maker states, of which products that are thin reach little. The range takes all of these at
their best and at their worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import Literal

from msgspec import Struct

from perceptron.analysis.contention import UNKNOWN, lost
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import times
from perceptron.answer import Table
from perceptron.errors import unknown
from perceptron.numbers import digits
from perceptron.records.measurement import Measurement

# --- published figures of devices that are not here -----------------------------------------------


class Device(Struct, frozen=True):
    """What its maker states at best, in bytes and operations a second; ``source`` says where."""

    name: str
    bandwidth: float
    float32: float
    """Without tensor cores, which compute in fewer bits."""
    float64: float
    """Without tensor cores."""
    float64_products: float | None
    """Rate of tensor cores that multiply in all 64 bits; None for a device without them."""
    source: str


# Of any CUDA device, as (lowest, highest) seconds: the host's time to launch a kernel on native
# Linux, beside what the framework takes on any device; a replay of a recorded graph; and the
# shortest time from one kernel's start to the next, by what it does. The ranges hold what NVIDIA
# measured in "Getting Started with CUDA Graphs" (2019) and "Constant Time Launch for Straight-Line
# CUDA Graphs" (2024), and what was published since: a launch takes 2.65 µs of the host; a replayed
# kernel takes 0.58 µs if it does nothing, 1.1 to 1.3 for an addition, and 2.1 in a graph with small
# products.
LAUNCH = (2e-6, 4.5e-6)
REPLAY = (2.5e-6, 15e-6)
KernelKind = Literal["nothing", "elementwise", "reduction", "product"]
SHORTEST_KERNEL: dict[KernelKind, tuple[float, float]] = {
    "nothing": (0.58e-6, 2.5e-6),
    "elementwise": (1.2e-6, 2.5e-6),
    "reduction": (2e-6, 4.5e-6),
    "product": (2.5e-6, 7e-6),
}

# What dispatching an operation takes for a device, over what it takes for the CPU. The extra (the
# caching allocator, choosing a cuBLAS kernel, the stream) is the host's work, so it scales with the
# host. A backward pass on a device is handed to another thread of autograd and back.
DISPATCH = (1.0, 3.0)
BACKWARD = (5e-6, 15e-6)

# Share of the stated figures that real kernels reach, (at worst, at best).
REACHED = (0.4, 0.9)
# cuBLAS computes products in tiles, at least so wide each way; of a narrower one most of a tile
# is wasted, and too few tiles leave most of the device idle: 5 to 10% of the rate are seen.
TILE = 64
REACHED_THIN = (0.05, 0.10)

_T4 = "NVIDIA T4 datasheet; float64 by the Turing tuning guide, 1/32"
_B200 = "NVIDIA GB200 NVL72 product page, a 72nd of the whole"
_L4 = "NVIDIA L4 datasheet; float64 by the Ada architecture whitepaper, 1/64"
_AMPERE = "NVIDIA Ampere GA102 GPU architecture whitepaper, 10 GB"
_ADA = "NVIDIA Ada GPU architecture whitepaper"

DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device("t4", 320e9, 8.1e12, 8.1e12 / 32, None, _T4),
        Device("v100", 900e9, 15.7e12, 7.8e12, None, "NVIDIA V100 datasheet, SXM2"),
        Device("a100", 2039e9, 19.5e12, 9.7e12, 19.5e12, "NVIDIA A100 datasheet, 80 GB SXM"),
        Device("h100", 3350e9, 67e12, 34e12, 67e12, "NVIDIA H100 datasheet, SXM"),
        Device("h200", 4800e9, 67e12, 34e12, 67e12, "NVIDIA H200 datasheet, SXM"),
        Device("b200", 8000e9, 80e12, 40e12, None, _B200),
        Device("l4", 300e9, 30.3e12, 30.3e12 / 64, None, _L4),
        Device("rtx-3080", 760e9, 29.8e12, 29.8e12 / 64, None, _AMPERE),
        Device("rtx-4080", 716.8e9, 48.7e12, 48.7e12 / 64, None, _ADA),
        Device("rtx-4090", 1008e9, 82.6e12, 82.6e12 / 64, None, _ADA),
    )
}

FASTEST_MEMORY = max(DEVICES.values(), key=lambda device: device.bandwidth)
# NVIDIA's B200 on dense products of 16-bit numbers, in tensor cores: no training that is compared
# here has had more.
FASTEST_RATE = 2.5e15


def device(name: str) -> Device:
    """Return the device of this name; raises `UserError` with the nearest name if there is none."""
    if name not in DEVICES:
        raise unknown("device", name, DEVICES)
    return DEVICES[name]


# --- the estimate ---------------------------------------------------------------------------------

CaseStatus = Literal["crosses", "always", "never"]
Status = Literal["crosses", "always", "never", "open"]
EAGER, GRAPH = "torch-cuda", "torch-cuda-graph"
# As the backend of graphs records them.
_STEPS_A_REPLAY = 10
_BEST, _WORST = 0, 1


class KernelWork(Struct, frozen=True):
    """The least work of one dispatched operation."""

    operations: float
    bytes_moved: float
    thinnest: int | None = None
    """The smallest dimension of a matrix product."""
    reduces: bool = False
    """Whether values of several threads meet in a sum or a maximum."""

    @property
    def kind(self) -> KernelKind:
        if self.thinnest is not None:
            return "product"
        if self.reduces:
            return "reduction"
        return "elementwise" if self.bytes_moved else "nothing"


class DeviceEstimate(Struct, frozen=True, kw_only=True):
    """Seconds per iteration that a backend might take on a device: likely, at best and at worst."""

    backend: str
    device: str
    size: float
    seconds: float
    low: float
    high: float


class EstimatedRatio(Struct, frozen=True, kw_only=True):
    """An estimate's time over what was measured of another backend on the same problem.

    ``status`` is ``open`` where the best and the worst case disagree about which is faster.
    """

    backend: str
    device: str
    incumbent: str
    ratio: float
    low: float
    high: float
    status: Literal["faster", "slower", "open"]


def ratio_to(estimated: DeviceEstimate, incumbent: str, seconds: float) -> EstimatedRatio:
    """Compare an estimate with the seconds of an iteration that were measured of another."""
    low, high = estimated.low / seconds, estimated.high / seconds
    return EstimatedRatio(
        backend=estimated.backend,
        device=estimated.device,
        incumbent=incumbent,
        ratio=estimated.seconds / seconds,
        low=low,
        high=high,
        status="faster" if high < 1 else "slower" if low > 1 else "open",
    )


class CaseStatuses(Struct, frozen=True, kw_only=True):
    """Whether the estimated backend overtakes, for each of the three estimates."""

    likely: CaseStatus
    best: CaseStatus
    worst: CaseStatus


class WhatIf(Struct, frozen=True, kw_only=True):
    """The size from which an estimated backend may beat a measured one on a family.

    ``size`` belongs to the likely estimate, ``low`` and ``high`` to the best and the worst. None
    means no crossover within the measured sizes; ``statuses`` has whether it always or never wins.
    ``status`` is the common status of all three, else ``open``.
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
    kernels: Sequence[KernelWork],
    dispatch: float,
    device: Device,
    backend: str,
    size: float,
    *,
    dtype: str = "float32",
    gradients: bool = True,
    steps_a_replay: int = _STEPS_A_REPLAY,
) -> DeviceEstimate:
    """Estimate one iteration on ``device``; ``dispatch`` is the host's seconds per operation.

    Without ``gradients`` it is forward only. A graph holds ``steps_a_replay`` iterations.
    """

    def seconds(side: int) -> float:
        busy = _busy(kernels, device, dtype, side)
        if backend == GRAPH:
            return REPLAY[side] / steps_a_replay + busy
        host = len(kernels) * (DISPATCH[side] * dispatch + LAUNCH[side])
        return max(host + BACKWARD[side] * gradients, busy)

    best, worst = seconds(_BEST), seconds(_WORST)
    return DeviceEstimate(
        backend=backend,
        device=device.name,
        size=size,
        seconds=sqrt(best * worst),
        low=best,
        high=worst,
    )


def _busy(kernels: Sequence[KernelWork], device: Device, dtype: str, side: int) -> float:
    """Return the seconds that the device itself needs for an iteration, at best or at worst."""
    return sum(
        max(
            SHORTEST_KERNEL[kernel.kind][side],
            kernel.bytes_moved / (REACHED[1 - side] * device.bandwidth),
            kernel.operations / _rate(kernel, device, dtype, side),
        )
        for kernel in kernels
    )


def _rate(kernel: KernelWork, device: Device, dtype: str, side: int) -> float:
    """Return the operations a second that a kernel reaches.

    The best case of a product of float64 has tensor cores that compute in all 64 bits. A thin
    product fills part of its tiles at best, and few of them at worst.
    """
    rate = device.float32
    if dtype == "float64":
        is_best_product = kernel.thinnest is not None and side == _BEST
        rate = (is_best_product and device.float64_products) or device.float64
    if kernel.thinnest is None or kernel.thinnest >= TILE:
        return REACHED[1 - side] * rate
    if side == _WORST:
        return REACHED_THIN[0] * rate
    return max(REACHED_THIN[1], REACHED[1] * kernel.thinnest / TILE) * rate


def what_if(
    family: str,
    incumbent: str,
    rows: Sequence[Measurement],
    estimates: Sequence[DeviceEstimate],
    device: Device,
) -> WhatIf | None:
    """Compare the measured times of one backend with estimates of another at the same sizes.

    None where fewer than two sizes have both. Times of which waiting for cores leaves nothing known
    are left out.
    """
    by_size = {estimated.size: estimated for estimated in estimates}
    rows = [row for row in rows if lost([row]) < UNKNOWN]
    measured = {}
    for size in sorted(by_size):
        seconds = times([row for row in rows if row.size == size], incumbent)
        if seconds:
            measured[size] = of_times(list(seconds.values())).estimate
    if len(measured) < 2:
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


# --- in words; estimates never stand in a table of measurements -----------------------------------


def estimate_tables(estimates: Sequence[WhatIf]) -> list[Table]:
    """Return the estimates, if there are any."""
    if not estimates:
        return []
    return [
        Table(
            title="What if: an estimate, not a measurement",
            columns=(
                *("family", "measured here", "estimated"),
                *("status", "faster from [best, worst case]"),
            ),
            rows=tuple(
                (
                    estimate.family,
                    estimate.incumbent,
                    f"{estimate.challenger} on {estimate.device}",
                    estimate.status,
                    size_words(estimate),
                )
                for estimate in estimates
            ),
        )
    ]


def size_words(estimate: WhatIf) -> str:
    """Return from which size up the device might be faster, at best and at worst."""
    if estimate.status in ("always", "never"):
        return "every size" if estimate.status == "always" else "no size measured"
    cases = estimate.statuses
    likely = _case(cases.likely, estimate.size)
    ends = (_case(cases.best, estimate.low), _case(cases.worst, estimate.high))
    return f"{likely} [{', '.join(ends)}]"


def _case(status: CaseStatus, size: float | None) -> str:
    """Return the size, or the status that says why there is none."""
    return status if size is None else digits(size)


def estimate_source(estimates: Sequence[WhatIf]) -> str:
    """Return where the figures of the device are from, and that nothing has confirmed them."""
    first = estimates[0]
    return (
        f"No measurement of {first.device} is at hand to check the estimate against. "
        f"Its figures: {first.source}."
    )
