"""The extras of a cost breakdown: iteration phases, the clock, ceilings, a device's own costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from perceptron.analysis.contention import UNKNOWN, hidden, those_that_count
from perceptron.analysis.device_share import HOST, is_beside_host, is_launch_bound
from perceptron.analysis.interval import of_times, robust_mean
from perceptron.analysis.select import NOT_REACHED, rows_by_process, times
from perceptron.grouping import grouped
from perceptron.records.measurement import CEILING, DEVICE, ENERGY, HARNESS, Measurement

# --- iteration phases, from loops each of which ends one phase later ------------------------------


class IterationPhase(Struct, frozen=True, kw_only=True):
    """One iteration phase: the difference of two loops, with and without it.

    It has no interval where one process or contention leaves it undecided.
    """

    backend: str
    phase: str
    seconds_per_iteration: float
    low: float | None
    high: float | None


class WholeIteration(Struct, frozen=True, kw_only=True):
    """The iteration phases of a backend together, beside its iteration measured on its own."""

    backend: str
    phases_seconds: float
    seconds_per_iteration: float


def iteration_phases(rows: Sequence[Measurement], backend: str) -> list[IterationPhase]:
    """Return the iteration phases of a backend in their order, from loops that end after each.

    Loops are subtracted process by process, so that what a process adds to all loops cancels, and
    contended processes count as in a ratio.
    """
    names = list(
        dict.fromkeys(
            row.phase for row in rows if row.backend == backend and row.phase and row.problem
        )
    )
    parts = []
    before: dict[int, Measurement] = {}
    for index, name in enumerate(names):
        upto = rows_by_process(rows, backend, name)
        loops = (upto, before) if index else (upto,)
        shared = sorted(set.intersection(*map(set, loops)))
        before = upto
        if not shared:
            continue
        counted = those_that_count(shared, loops[0], loops[-1])
        sides = [[loop[process] for process in counted] for loop in loops]
        seconds = [np.array([row.seconds for row in side]) for side in sides]
        middle, reach = robust_mean(seconds[0] - sum(seconds[1:]))
        # Either loop may be shorter by as much.
        lost = hidden(*sides)
        reach += lost * float(seconds[0].mean())
        is_open = len(counted) < 2 or lost >= UNKNOWN
        parts.append(
            IterationPhase(
                backend=backend,
                phase=name,
                seconds_per_iteration=middle,
                low=None if is_open else middle - reach,
                high=None if is_open else middle + reach,
            )
        )
    return parts


def whole_iterations(
    rows: Sequence[Measurement], phases: Sequence[IterationPhase]
) -> list[WholeIteration]:
    """Return the phases of each backend together, where its iteration has a time."""
    return [
        WholeIteration(
            backend=backend,
            phases_seconds=sum(
                phase.seconds_per_iteration for phase in phases if phase.backend == backend
            ),
            seconds_per_iteration=of_times(list(seconds.values())).estimate,
        )
        for backend in dict.fromkeys(phase.backend for phase in phases)
        if (seconds := times(rows, backend))
    ]


def harness(rows: Sequence[Measurement]) -> tuple[float | None, float | None]:
    """Return the seconds of the clock and an empty call, and their share of the shortest sample."""
    calls = [row.seconds for row in rows if row.family == HARNESS and row.seconds]
    samples = [
        seconds * row.iterations
        for row in rows
        if row.iterations and row.phase is None
        for seconds in row.samples
    ]
    if not calls:
        return None, None
    added = of_times(calls).estimate
    return added, added / min(samples) if samples else None


# --- the ceilings of a device, and which of them limits a backend ---------------------------------

_PRODUCT, _COPY = "product", "copy"
# Below this share of both ceilings neither arithmetic nor memory is what takes the time.
_IDLE = 0.1

# What fits into a CPU's cache is not read from memory; its few operations wait for each other.
_CACHED_BYTES = 2 * 2**20

Bound = Literal["calls", "launches", "latency", "memory", "arithmetic"]


class Ceilings(Struct, frozen=True, kw_only=True):
    """The rates that a device reached in the same run; a CPU with as many threads."""

    device: str | None
    backend: str
    """The backend that measured it; two names where product and copy are fastest on two."""
    gflops: float
    gbytes: float

    @property
    def name(self) -> str:
        """The backend that measured it, and the device."""
        return f"{self.backend} ({self.device or 'device not stated'})"


def bound_by(
    gflops: float, gbytes: float, moved: int, limits: Ceilings | None, busy: float | None = None
) -> Bound | None:
    """Return the limit of a rate of ``gflops`` and ``gbytes`` per second; ``moved`` in bytes.

    ``busy`` is the busy share of a device beside the host. None where the limit is unknown: without
    that share a slow rung on such a device waits for launches or for itself.
    """
    if busy is not None and is_launch_bound(busy):
        return "launches"
    if limits is None:
        return None
    arithmetic, memory = gflops / limits.gflops, gbytes / limits.gbytes
    if is_beside_host(limits.device):
        if max(arithmetic, memory) < _IDLE:
            return None if busy is None else "latency"
        cached = memory > 1  # more than a copy reached: not from memory
    else:
        if max(arithmetic, memory) < _IDLE:
            return "calls"
        cached = moved < _CACHED_BYTES  # as a step on a small batch does: no memory is waited for
    if cached:
        return "latency" if arithmetic < _IDLE else "arithmetic"
    return "arithmetic" if arithmetic > memory else "memory"


def ceilings(rows: Iterable[Measurement]) -> list[Ceilings]:
    """Return the rates of the largest product and copy, by device and backend.

    A backend without both is left out, and so are times that waiting for cores makes unknown.
    """
    rates: dict[tuple[str | None, str], dict[str, float]] = {}
    for row in rows:
        if row.family != CEILING or row.phase not in (_PRODUCT, _COPY) or not row.seconds:
            continue
        if hidden([row]) >= UNKNOWN:
            continue
        # The best of the processes: a ceiling is what can be done, not what usually is.
        reached = rates.setdefault((row.device, row.backend), {})
        reached[row.phase] = max(reached.get(row.phase, 0.0), row.size / row.seconds / 1e9)
    return [
        Ceilings(device=device, backend=backend, gflops=both[_PRODUCT], gbytes=both[_COPY])
        for (device, backend), both in rates.items()
        if len(both) == 2
    ]


def roof(limits: Sequence[Ceilings], device: str | None) -> Ceilings | None:
    """Return the best ceilings measured on this device; None without any.

    Never another device's.
    """
    own = [limit for limit in limits if limit.device == device]
    if not own:
        return None
    product = max(own, key=lambda limit: limit.gflops)
    copy = max(own, key=lambda limit: limit.gbytes)
    return Ceilings(
        device=device,
        backend=" and ".join(dict.fromkeys((product.backend, copy.backend))),
        gflops=product.gflops,
        gbytes=copy.gbytes,
    )


def roofs(limits: Sequence[Ceilings]) -> list[Ceilings]:
    """Return the roof of each device, the host's first."""
    devices = sorted(dict.fromkeys(limit.device for limit in limits), key=lambda name: name != HOST)
    return [best for device in devices if (best := roof(limits, device)) is not None]


# --- the costs of a device around the iterations, and the energy of one ---------------------------

# Parts of which the size is bytes that are copied.
_COPIES = ("host to device", "device to host")


class DevicePart(Struct, frozen=True, kw_only=True):
    """One part of a device's work around the iterations, measured by itself.

    ``bytes_per_second`` is the rate of a copy. A backend without any measured part has
    one entry without a time, with the ``reason``.
    """

    backend: str
    device: str | None
    name: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    bytes_per_second: float | None = None
    processes: int = 0
    reason: str | None = None


def device_parts(rows: Iterable[Measurement]) -> list[DevicePart]:
    """Return the parts by backend, in the order in which they were measured."""
    parts = [row for row in rows if row.family == DEVICE and row.phase]
    groups = grouped(parts, lambda row: (row.backend, row.device, row.phase or ""))
    return [_part(*key, own) for key, own in groups.items()]


def _part(backend: str, device: str | None, name: str, rows: list[Measurement]) -> DevicePart:
    measured = [row for row in rows if row.status == "ok" and row.seconds]
    if not measured:
        reason = next((row.reason for row in rows if row.reason), NOT_REACHED)
        return DevicePart(backend=backend, device=device, name=name, reason=reason)
    taken = of_times([row.seconds for row in measured if row.seconds])
    return DevicePart(
        backend=backend,
        device=device,
        name=name,
        seconds=taken.estimate,
        low=taken.low,
        high=taken.high,
        bytes_per_second=measured[0].size / taken.estimate if name in _COPIES else None,
        processes=len(measured),
    )


def energy(
    rows: Sequence[Measurement], backend: str, device: str | None
) -> tuple[float | None, str | None]:
    """Return the joules of one iteration by the device's own counter, or why they are unknown."""
    if not is_beside_host(device):
        return None, "a CPU's energy is not counted"
    own = [row for row in rows if row.family == ENERGY and row.backend == backend]
    joules = [row.energy_joules for row in own if row.energy_joules]
    if joules:
        return of_times(joules).estimate, None
    return None, next((row.reason for row in own if row.reason), NOT_REACHED)
