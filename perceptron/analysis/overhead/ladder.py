"""A cost breakdown judged: each rung over the floor, its limit, and each phase."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from perceptron.analysis.contention import UNKNOWN, hidden
from perceptron.analysis.device_share import device_share, is_beside_host
from perceptron.analysis.finding import published_iteration_seconds
from perceptron.analysis.gpu_use import GpuUse, gpu_use
from perceptron.analysis.interval import Interval, of_times, ratio_of
from perceptron.analysis.overhead.extras import (
    Bound,
    Ceilings,
    DevicePart,
    IterationPhase,
    WholeIteration,
    bound_by,
    ceilings,
    device_parts,
    energy,
    harness,
    iteration_phases,
    roof,
    whole_iterations,
)
from perceptron.analysis.select import NOT_REACHED, has_time, reason, times
from perceptron.numbers import enumerated
from perceptron.records.measurement import EXTRAS, KERNELS, PROFILE, ExtraName, Measurement


class Rung(Struct, frozen=True, kw_only=True):
    """One backend's iteration, with its 95% interval, over that of the floor.

    The ratio is None where no rung is the floor, and exactly 1 of the floor itself.
    ``kernels_per_iteration`` is counted, not timed, for backends that dispatch operation by
    operation; ``kernels_profiled`` are those that the device ran, as a profiler saw them: less than
    one where a kernel takes several iterations.
    ``prepare_seconds`` are those of processes that compiled, unless ``prepared_from_cache``.
    ``gflops`` and ``gbytes`` a second are the work of the mathematics over the time. ``ceiling`` is
    the device whose limits apply, and ``bound`` the limit that is near; None over several devices,
    and ``bound`` also with contention or a single process. A rung without a time has a ``reason``.
    """

    backend: str
    device: str | None
    """As its rows state it; None without any."""
    dtype: str | None
    removes: str
    seconds_per_iteration: float | None = None
    low: float | None = None
    high: float | None = None
    ratio_to_floor: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    prepare_seconds: float | None = None
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
    """Most memory held, of all processes: the device's where there is one."""
    reason: str | None = None


class Work(NamedTuple):
    """The work of an iteration, counted from shapes."""

    operations: int
    bytes_moved: int
    """If nothing stays in a cache, in float32."""


class Ladder(Struct, frozen=True, kw_only=True):
    """A cost breakdown, judged."""

    problem: str
    threads: int
    work: Work
    rungs: list[Rung]
    no_floor: str | None
    """Why no rung is called the floor; None where one is."""
    phases: list[IterationPhase]
    wholes: list[WholeIteration]
    ceilings: list[Ceilings]
    """Ceilings by device and backend; see `roofline.roof`."""
    device: list[DevicePart]
    """Costs of devices beside the host, around the iterations."""
    gpus: list[GpuUse]
    """Their states while it was measured."""
    harness_seconds: float | None
    """Seconds of the clock and an empty call, in each sample."""
    harness_share: float | None
    """The same as a share of the shortest sample."""
    published: dict[str, float]
    """Seconds per iteration published for this problem, by backend."""


def ladder(
    rows: Sequence[Measurement],
    problem: str,
    threads: int,
    removes: Mapping[str, str],
    work: Work,
    hangs: Mapping[str, str],
) -> Ladder:
    """Judge the rows of a run; ``removes`` names the rungs in their order.

    ``hangs`` says of a backend that did not end within its time so.
    """
    added, share = harness(rows)
    limits = ceilings(rows)
    lowest, no_floor = _floor(rows, removes)
    phases = [phase for name in removes for phase in iteration_phases(rows, name)]
    return Ladder(
        problem=problem,
        threads=threads,
        work=work,
        rungs=[
            _rung(rows, name, removed, lowest, work, limits, hangs.get(name, NOT_REACHED))
            for name, removed in removes.items()
        ],
        no_floor=no_floor,
        phases=phases,
        wholes=whole_iterations(rows, phases),
        ceilings=limits,
        device=device_parts(rows),
        gpus=gpu_use(rows),
        harness_seconds=added,
        harness_share=share,
        published=published_iteration_seconds(problem),
    )


def _floor(rows: Sequence[Measurement], names: Collection[str]) -> tuple[str | None, str | None]:
    """Return the rung that is faster than all others, or why none is known to be.

    Every one that can run must have a time.
    """
    seconds = {
        name: of_times(list(own.values())).estimate for name in names if (own := times(rows, name))
    }
    refused = {row.backend for row in rows if row.status == "skipped" and row.family not in EXTRAS}
    able = [name for name in names if name in seconds or name not in refused]
    if len(seconds) < len(able):
        return None, f"{len(seconds)} of {len(able)} rungs measured"
    if len(able) < 2:
        return None, "a single rung can run: no comparison"
    fastest = min(seconds, key=seconds.__getitem__)
    others = [name for name in able if name != fastest]
    rivals = [name for name in others if not _is_slower(ratio_of(rows, name, fastest))]
    if rivals:
        return None, f"{fastest} against {enumerated(rivals)} is undecided"
    return fastest, None


def _is_slower(ratio: Interval | None) -> bool:
    return ratio is not None and ratio.low is not None and ratio.low > 1


def _rung(
    rows: Sequence[Measurement],
    backend: str,
    removes: str,
    lowest: str | None,
    work: Work,
    ceilings: Sequence[Ceilings],
    not_reached: str,
) -> Rung:
    own = [row for row in rows if row.backend == backend and row.family not in EXTRAS]
    device = next((row.device for row in own), None)
    counted = _launched(rows, KERNELS, backend)
    rung = Rung(
        backend=backend,
        device=device,
        dtype=next((row.dtype for row in own), None),
        removes=removes,
        kernels_per_iteration=None if counted is None else round(counted),
        kernels_profiled=_launched(rows, PROFILE, backend),
    )
    measured = times(own, backend)
    if not measured:
        return replace(rung, reason=reason(own, backend) or not_reached)
    seconds = of_times(list(measured.values()))
    ratio = None if lowest is None else ratio_of(rows, backend, lowest)
    if backend == lowest:
        ratio = Interval(1.0, 1.0, 1.0)
    gflops, gbytes = (amount / seconds.estimate / 1e9 for amount in work)
    prepare_seconds, from_cache = _prepared(own)
    limits, share = roof(ceilings, device), device_share(own)
    # The ceilings are those of one device.
    one = not (is_beside_host(device) and any((row.processes or 1) > 1 for row in own))
    decided = seconds.low is not None and hidden(filter(has_time, own)) < UNKNOWN
    busy = share.busy.estimate if share else None
    joules, no_joules = energy(rows, backend, device)
    return replace(
        rung,
        seconds_per_iteration=seconds.estimate,
        low=seconds.low,
        high=seconds.high,
        ratio_to_floor=ratio.estimate if ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        prepare_seconds=prepare_seconds,
        prepared_from_cache=from_cache,
        gflops=gflops if one else None,
        gbytes=gbytes if one else None,
        bound=bound_by(gflops, gbytes, work.bytes_moved, limits, busy) if one and decided else None,
        ceiling=limits.name if limits and one else None,
        device_seconds=share.seconds.estimate if share else None,
        busy_share=busy,
        busy_low=share.busy.low if share else None,
        busy_high=share.busy.high if share else None,
        energy_joules_per_iteration=joules,
        energy_reason=no_joules,
        peak_bytes=max((row.peak_bytes for row in own if row.peak_bytes), default=None),
    )


def _launched(rows: Iterable[Measurement], family: ExtraName, backend: str) -> float | None:
    """Return the kernels of an iteration."""
    own = [row for row in rows if row.family == family and row.backend == backend]
    return next((row.size for row in own if row.status == "ok"), None)


def _prepared(rows: Sequence[Measurement]) -> tuple[float | None, bool | None]:
    """Return the seconds of setup, and whether every process found its compiled code in a cache.

    A process that found its compiled code does not show what a cold start takes: it counts only
    where all did. The second is None of a backend that compiles nothing.
    """
    prepared = [row for row in rows if row.prepare_seconds]
    compiled = [row for row in prepared if not row.prepared_from_cache]
    seconds = [row.prepare_seconds for row in compiled or prepared if row.prepare_seconds]
    if not seconds:
        return None, None
    compiles = any(row.prepared_from_cache is not None for row in prepared)
    return of_times(seconds).estimate, not compiled if compiles else None
