"""Judge a cost breakdown: each variant over the fastest, its limit, and each phase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from perceptron.questions.overhead.device_share import (
    HOST,
    busy_share,
    device_seconds,
    is_beside_host,
    is_launch_bound,
)
from perceptron.questions.shared.published import published_iteration_seconds
from perceptron.records.grouping import grouped
from perceptron.records.measurement import (
    CEILING,
    DEVICE,
    ENERGY,
    EXTRAS,
    HARNESS,
    KERNELS,
    PROFILE,
    ExtraName,
    Measurement,
)
from perceptron.statistics.contention import UNKNOWN, hidden, lost, side_by_side
from perceptron.statistics.gpu_use import GpuUse, gpu_use
from perceptron.statistics.interval import Interval, of_times, robust_mean
from perceptron.statistics.ranking import Ranking, rank_rows
from perceptron.statistics.rough import rough_lead
from perceptron.statistics.select import NOT_REACHED, has_time, reason, rows_by_process, times

# --- iteration phases, from loops that each end one phase later -----------------------------------


class IterationPhase(Struct, frozen=True, kw_only=True):
    """One iteration phase: the difference of two loops, with and without it.

    It has no interval if it rests on one process or contention leaves it undecided.
    """

    backend: str
    phase: str
    seconds_per_iteration: float
    low: float | None
    high: float | None


class WholeIteration(Struct, frozen=True, kw_only=True):
    """The sum of a backend's iteration phases, and its iteration measured as a whole."""

    backend: str
    phases_seconds: float
    seconds_per_iteration: float


def iteration_phases(rows: Sequence[Measurement], backend: str) -> list[IterationPhase]:
    """Return the iteration phases of a backend, in order.

    A phase is the difference of two loops of the same process, so that overhead of the process
    cancels. Contended processes count as in a ratio.
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
        sides = side_by_side(upto, before) if index else side_by_side(upto)
        before = upto
        if not sides[0]:
            continue
        seconds = [np.array([row.seconds for row in side]) for side in sides]
        middle, half_width = robust_mean(seconds[0] - sum(seconds[1:]))
        # Without contention either loop may be shorter by this.
        unknown = max(hidden(*sides)) if index else lost(*sides)
        half_width += unknown * float(seconds[0].mean())
        is_open = len(sides[0]) < 2 or unknown >= UNKNOWN
        parts.append(
            IterationPhase(
                backend=backend,
                phase=name,
                seconds_per_iteration=middle,
                low=None if is_open else middle - half_width,
                high=None if is_open else middle + half_width,
            )
        )
    return parts


def whole_iterations(
    rows: Sequence[Measurement], phases: Sequence[IterationPhase]
) -> list[WholeIteration]:
    """Return the sum of phases and the whole iteration of each backend with both."""
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


# --- the ceilings of a device, and the one that limits a backend ----------------------------------

_PRODUCT, _COPY = "product", "copy"
# Below this share of both ceilings neither arithmetic nor memory limits the time.
_IDLE = 0.1

# Data that fit into a CPU's cache are not read from memory; the few operations on them wait for
# each other.
_CACHED_BYTES = 2 * 2**20

Bound = Literal["calls", "launches", "latency", "memory", "arithmetic"]


class Ceilings(Struct, frozen=True, kw_only=True):
    """The rates that a device reached in the same run; a CPU with the same number of threads."""

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
    that share a slow variant on such a device waits for launches or for itself.
    """
    if busy is not None and is_launch_bound(busy):
        return "launches"
    if limits is None:
        return None
    arithmetic, memory = gflops / limits.gflops, gbytes / limits.gbytes
    if is_beside_host(limits.device):
        if max(arithmetic, memory) < _IDLE:
            return None if busy is None else "latency"
        cached = memory > 1  # faster than a copy: not from memory
    else:
        if max(arithmetic, memory) < _IDLE:
            return "calls"
        cached = moved < _CACHED_BYTES  # such as a step on a small batch
    if cached:
        return "latency" if arithmetic < _IDLE else "arithmetic"
    return "arithmetic" if arithmetic > memory else "memory"


def ceilings(rows: Iterable[Measurement]) -> list[Ceilings]:
    """Return the rates of the largest product and copy, by device and backend.

    Skip a backend without both, and times that waiting for cores makes unknown.
    """
    rates: dict[tuple[str | None, str], dict[str, float]] = {}
    for row in rows:
        if row.family != CEILING or row.phase not in (_PRODUCT, _COPY) or not row.seconds:
            continue
        if lost([row]) >= UNKNOWN:
            continue
        # A ceiling is the rate of the best process.
        reached = rates.setdefault((row.device, row.backend), {})
        reached[row.phase] = max(reached.get(row.phase, 0.0), row.size / row.seconds / 1e9)
    return [
        Ceilings(device=device, backend=backend, gflops=rate[_PRODUCT], gbytes=rate[_COPY])
        for (device, backend), rate in rates.items()
        if len(rate) == 2
    ]


def roof(limits: Sequence[Ceilings], device: str | None) -> Ceilings | None:
    """Return the best ceilings measured on this device; None without any."""
    of_device = [limit for limit in limits if limit.device == device]
    if not of_device:
        return None
    product = max(of_device, key=lambda limit: limit.gflops)
    copy = max(of_device, key=lambda limit: limit.gbytes)
    return Ceilings(
        device=device,
        backend=" and ".join(dict.fromkeys((product.backend, copy.backend))),
        gflops=product.gflops,
        gbytes=copy.gbytes,
    )


def roofs(limits: Sequence[Ceilings]) -> list[Ceilings]:
    """Return the best ceilings of each device, the host's first."""
    devices = sorted(dict.fromkeys(limit.device for limit in limits), key=lambda name: name != HOST)
    return [best for device in devices if (best := roof(limits, device)) is not None]


# --- the costs of a device around the iterations, and the energy of one ---------------------------

# Parts whose size is the number of copied bytes.
_COPIES = ("host to device", "device to host")


class DevicePart(Struct, frozen=True, kw_only=True):
    """One part of a device's work outside the iterations, measured by itself.

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
    """Return the parts by backend, in the order of measurement."""
    parts = [row for row in rows if row.family == DEVICE and row.phase]
    groups = grouped(parts, lambda row: (row.backend, row.device, row.phase or ""))
    return [_part(*key, phases) for key, phases in groups.items()]


def _part(backend: str, device: str | None, name: str, rows: list[Measurement]) -> DevicePart:
    measured = [row for row in rows if row.status == "ok" and row.seconds]
    if not measured:
        reason = next((row.reason for row in rows if row.reason), NOT_REACHED)
        return DevicePart(backend=backend, device=device, name=name, reason=reason)
    duration = of_times([row.seconds for row in measured if row.seconds])
    return DevicePart(
        backend=backend,
        device=device,
        name=name,
        seconds=duration.estimate,
        low=duration.low,
        high=duration.high,
        bytes_per_second=measured[0].size / duration.estimate if name in _COPIES else None,
        processes=len(measured),
    )


def energy(
    rows: Sequence[Measurement], backend: str, device: str | None
) -> tuple[float | None, str | None]:
    """Return the joules of one iteration from the device's counter, or why they are unknown."""
    if not is_beside_host(device):
        return None, "a CPU's energy is not counted"
    counted = [row for row in rows if row.family == ENERGY and row.backend == backend]
    joules = [row.energy_joules for row in counted if row.energy_joules]
    if joules:
        return of_times(joules).estimate, None
    return None, next((row.reason for row in counted if row.reason), NOT_REACHED)


# --- the variants -------------------------------------------------------------------------------


class Variant(Struct, frozen=True, kw_only=True):
    """One backend's iteration, with its 95% interval and its ratio to the fastest variant's.

    The ratio is exactly 1 for the fastest variant of the ranking, and None if there is only one
    variant. The intervals of all ratios hold together.
    ``kernels_per_iteration`` is counted, not timed, for backends that dispatch operation by
    operation; ``kernels_profiled`` are those that a profiler saw on the device: less than one if a
    kernel takes several iterations.
    ``setup_seconds`` are those of processes that compiled, unless ``prepared_from_cache``.
    ``gflops`` and ``gbytes`` per second are operations and bytes, counted from shapes, over the
    time. ``ceiling`` is the device whose limits apply, and ``bound`` the nearest limit; both are
    None over several devices, and ``bound`` also with contention or a single process. A variant
    without a time has a ``reason``.
    """

    backend: str
    device: str | None
    """The device in its rows; None without rows."""
    dtype: str | None
    removes: str
    seconds_per_iteration: float | None = None
    low: float | None = None
    high: float | None = None
    ratio_to_floor: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    setup_seconds: float | None = None
    prepared_from_cache: bool | None = None
    kernels_per_iteration: int | None = None
    kernels_profiled: float | None = None
    gflops: float | None = None
    gbytes: float | None = None
    bound: Bound | None = None
    ceiling: str | None = None
    """The backend and device that measured the limits; None without limits."""
    device_seconds: float | None = None
    """Seconds of one iteration by the device's own events; None on the CPU and without events."""
    busy_share: float | None = None
    """The device's seconds as a share of the iteration's, with its interval."""
    busy_low: float | None = None
    busy_high: float | None = None
    energy_joules_per_iteration: float | None = None
    energy_reason: str | None = None
    """Why the energy is not known."""
    peak_bytes: int | None = None
    """Peak memory of all processes, on the device if there is one."""
    reason: str | None = None


class Ladder(Struct, frozen=True, kw_only=True):
    """A cost breakdown, judged."""

    problem: str
    threads: int
    operations: int
    """Operations of an iteration, counted from shapes."""
    bytes_moved: int
    """Bytes of an iteration in float32, counted from shapes, if nothing stays in a cache."""
    variants: list[Variant]
    ranking: Ranking
    """The ranking of the variants by whole iterations."""
    floor: str | None
    """The fastest variant, if it is decided that no other is faster; others may tie with it."""
    rough: str | None
    """A sentence on the variant that may be the fastest, if contention leaves that open."""
    phases: list[IterationPhase]
    wholes: list[WholeIteration]
    ceilings: list[Ceilings]
    """Ceilings by device and backend; see `roof`."""
    device: list[DevicePart]
    """Costs of devices beside the host, around the iterations."""
    gpus: list[GpuUse]
    """States of the GPUs during the run."""
    harness_seconds: float | None
    """Seconds of the clock and an empty call in each sample."""
    harness_share: float | None
    """``harness_seconds`` as a share of the shortest sample."""
    published: dict[str, float]
    """Seconds per iteration published for this problem, by backend."""


def ladder(
    rows: Sequence[Measurement],
    problem: str,
    threads: int,
    removes: Mapping[str, str],
    operations: int,
    bytes_moved: int,
    hangs: Mapping[str, str],
    others: Iterable[Measurement] = (),
) -> Ladder:
    """Judge the rows of a run; ``removes`` names the variants in their order.

    The ranking also uses the ``others`` of other sessions. ``hangs`` has the reason of each backend
    that did not end in its time.
    """
    added, share = harness(rows)
    limits = ceilings(rows)
    timed = {row.backend for row in rows if has_time(row)}
    beside = [row for row in others if row.problem == problem and row.backend in timed]
    # Backends without a time yet count as undecided.
    trainings = [row for row in (*rows, *beside) if row.family not in EXTRAS]
    ranking = rank_rows(trainings, removes)
    floor = ranking.fastest if ranking.decided == "yes" else None
    over_fastest: dict[str, Interval | None] = {}
    if ranking.fastest is not None and ranking.ratios:
        over_fastest = {ranking.fastest: Interval(1.0, 1.0, 1.0), **ranking.ratios}
    phases = [phase for name in removes for phase in iteration_phases(rows, name)]
    return Ladder(
        problem=problem,
        threads=threads,
        operations=operations,
        bytes_moved=bytes_moved,
        variants=[
            _variant(
                *(rows, name, removed, over_fastest.get(name), operations, bytes_moved, limits),
                hangs.get(name, NOT_REACHED),
            )
            for name, removed in removes.items()
        ],
        ranking=ranking,
        floor=floor,
        rough=None if "not measured" in ranking.doubts.values() else rough_lead(rows, ranking),
        phases=phases,
        wholes=whole_iterations(rows, phases),
        ceilings=limits,
        device=device_parts(rows),
        gpus=gpu_use(rows),
        harness_seconds=added,
        harness_share=share,
        published=published_iteration_seconds(problem),
    )


def _variant(
    rows: Sequence[Measurement],
    backend: str,
    removes: str,
    ratio: Interval | None,
    operations: int,
    bytes_moved: int,
    ceilings: Sequence[Ceilings],
    not_reached: str,
) -> Variant:
    trained = [row for row in rows if row.backend == backend and row.family not in EXTRAS]
    device = next((row.device for row in trained), None)
    counted = _launched(rows, KERNELS, backend)
    variant = Variant(
        backend=backend,
        device=device,
        dtype=next((row.dtype for row in trained), None),
        removes=removes,
        kernels_per_iteration=None if counted is None else round(counted),
        kernels_profiled=_launched(rows, PROFILE, backend),
    )
    measured = times(trained, backend)
    if not measured:
        return replace(variant, reason=reason(trained, backend) or not_reached)
    seconds = of_times(list(measured.values()))
    gflops, gbytes = (amount / seconds.estimate / 1e9 for amount in (operations, bytes_moved))
    setup_seconds, from_cache = _prepared(trained)
    limits, of_device, share = roof(ceilings, device), device_seconds(trained), busy_share(trained)
    # Ceilings are of one device.
    single = not (is_beside_host(device) and any((row.processes or 1) > 1 for row in trained))
    decided = seconds.low is not None and lost(filter(has_time, trained)) < UNKNOWN
    busy = share.estimate if share else None
    joules, no_joules = energy(rows, backend, device)
    return replace(
        variant,
        seconds_per_iteration=seconds.estimate,
        low=seconds.low,
        high=seconds.high,
        ratio_to_floor=ratio.estimate if ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        setup_seconds=setup_seconds,
        prepared_from_cache=from_cache,
        gflops=gflops if single else None,
        gbytes=gbytes if single else None,
        bound=bound_by(gflops, gbytes, bytes_moved, limits, busy) if single and decided else None,
        ceiling=limits.name if limits and single else None,
        device_seconds=of_device.estimate if of_device else None,
        busy_share=busy,
        busy_low=share.low if share else None,
        busy_high=share.high if share else None,
        energy_joules_per_iteration=joules,
        energy_reason=no_joules,
        peak_bytes=max((row.peak_bytes for row in trained if row.peak_bytes), default=None),
    )


def _launched(rows: Iterable[Measurement], family: ExtraName, backend: str) -> float | None:
    profiles = [row for row in rows if row.family == family and row.backend == backend]
    return next((row.size for row in profiles if row.status == "ok"), None)


def _prepared(rows: Sequence[Measurement]) -> tuple[float | None, bool | None]:
    """Return the seconds of setup, and whether every process found its compiled code in a cache.

    A process that found its compiled code does not show the time of a cold start: it counts only
    if all did. The second is None for a backend that compiles nothing.
    """
    prepared = [row for row in rows if row.prepare_seconds]
    compiled = [row for row in prepared if not row.prepared_from_cache]
    seconds = [row.prepare_seconds for row in compiled or prepared if row.prepare_seconds]
    if not seconds:
        return None, None
    compiles = any(row.prepared_from_cache is not None for row in prepared)
    return of_times(seconds).estimate, not compiled if compiles else None
