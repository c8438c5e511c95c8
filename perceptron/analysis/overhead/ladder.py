"""Where one iteration's time goes: by rung down to the floor, and by iteration phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from perceptron.analysis.interval import Interval, of_times
from perceptron.analysis.overhead.iteration_phases import (
    IterationPhase,
    WholeIteration,
    iteration_phases,
    whole_iteration,
)
from perceptron.analysis.overhead.roofline import CEILING, Bound, Ceilings, bound_by, ceilings
from perceptron.analysis.select import NOT_REACHED, reason, times
from perceptron.analysis.side_by_side import ratio_of
from perceptron.records.budget import BudgetUse
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning

# The family under which a run keeps what measuring itself takes.
HARNESS = "harness"


class Rung(Struct, frozen=True, kw_only=True):
    """One backend's iteration, with its 95 % interval, over that of the fastest.

    ``kernels_per_iteration`` is counted, not timed, for backends that dispatch operation by
    operation; ``kernels_profiled`` are those that the device ran, as a profiler saw them, rounded.
    ``prepare_seconds`` are those of processes that compiled, unless ``prepared_from_cache``.
    ``gflops`` and ``gbytes`` a second are what the mathematics needs over the time it
    took; ``bound`` says which limit that is close to. A rung without a time has a ``reason``.
    """

    backend: str
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
    kernels_profiled: int | None = None
    gflops: float | None = None
    gbytes: float | None = None
    bound: Bound | None = None
    reason: str | None = None


class OverheadResult(Struct, frozen=True, kw_only=True):
    """Everything that `perceptron overhead` reports."""

    problem: str
    threads: int
    operations: int
    """Of one iteration, counted from shapes."""
    bytes_moved: int
    """The same, if nothing stays in a cache, in float32."""
    rungs: list[Rung]
    phases: list[IterationPhase]
    wholes: list[WholeIteration]
    ceilings: Ceilings | None
    harness_seconds: float | None
    """What the clock and an empty call take, in each sample."""
    harness_share: float | None
    """The same as a share of the shortest sample."""
    published: dict[str, float]
    """Seconds per iteration that the walk-through published for this problem, by backend."""
    rows: list[Measurement]
    results: Path
    environment: Environment
    warnings: list[MeasurementWarning]
    budget: BudgetUse | None = None
    """None of a run from before there were budgets."""


def ladder(
    rows: Sequence[Measurement],
    *,
    problem: str,
    removes: Mapping[str, str],
    kernels: Mapping[str, int],
    work: tuple[int, int],
    threads: int,
    published: Mapping[str, float],
    results: Path,
    environment: Environment,
    warnings: Sequence[MeasurementWarning],
    budget: BudgetUse | None = None,
    profiled: Mapping[str, int] = MappingProxyType({}),
) -> OverheadResult:
    """Judge the rows of one run; ``removes`` names the rungs in their order.

    ``work`` holds the operations and the bytes of one iteration, ``published`` the seconds that
    others published for one, by backend.
    """
    added, share = harness(rows)
    return OverheadResult(
        problem=problem,
        threads=threads,
        operations=work[0],
        bytes_moved=work[1],
        rungs=[
            msgspec.structs.replace(rung, kernels_profiled=profiled.get(rung.backend))
            for rung in rungs(rows, removes, kernels, work)
        ],
        phases=[phase for name in removes for phase in iteration_phases(rows, name)],
        wholes=[
            iteration for name in removes if (iteration := whole_iteration(rows, name)) is not None
        ],
        ceilings=ceilings(rows),
        harness_seconds=added,
        harness_share=share,
        published=dict(published),
        rows=list(rows),
        results=results,
        environment=environment,
        warnings=list(warnings),
        budget=budget,
    )


def rungs(
    rows: Sequence[Measurement],
    ladder: Mapping[str, str],
    kernels: Mapping[str, int],
    work: tuple[int, int],
) -> list[Rung]:
    """Return a rung for each backend of the ladder, in its order.

    ``work`` holds the operations and the bytes of one iteration.
    """
    limits = ceilings(rows)
    trainings = [row for row in rows if row.family not in (CEILING, HARNESS)]
    measured = {
        name: of_times(list(seconds.values()))
        for name in ladder
        if (seconds := times(trainings, name))
    }
    floor = min(measured, key=lambda name: measured[name].estimate, default=None)
    return [
        _rung(trainings, name, removes, measured.get(name), floor, kernels.get(name), work, limits)
        for name, removes in ladder.items()
    ]


def _rung(
    rows: Sequence[Measurement],
    backend: str,
    removes: str,
    seconds: Interval | None,
    floor: str | None,
    kernels: int | None,
    work: tuple[int, int],
    limits: Ceilings | None,
) -> Rung:
    own = [row for row in rows if row.backend == backend]
    dtype = next((row.dtype for row in own), None)
    if seconds is None or floor is None:
        return Rung(
            backend=backend,
            dtype=dtype,
            removes=removes,
            kernels_per_iteration=kernels,
            reason=reason(own, backend) or NOT_REACHED,
        )
    ratio = ratio_of(rows, backend, floor)
    gflops, gbytes = (amount / seconds.estimate / 1e9 for amount in work)
    prepare_seconds, from_cache = _prepared(own)
    return Rung(
        backend=backend,
        dtype=dtype,
        removes=removes,
        seconds_per_iteration=seconds.estimate,
        low=seconds.low,
        high=seconds.high,
        ratio_to_floor=ratio.estimate if ratio else None,
        ratio_low=ratio.low if ratio else None,
        ratio_high=ratio.high if ratio else None,
        prepare_seconds=prepare_seconds,
        prepared_from_cache=from_cache,
        kernels_per_iteration=kernels,
        gflops=gflops,
        gbytes=gbytes,
        bound=bound_by(gflops, gbytes, work[1], limits),
    )


def _prepared(rows: Sequence[Measurement]) -> tuple[float | None, bool | None]:
    """Return what preparing took, and whether what is compiled was found in all processes.

    A process that finds what an earlier one compiled does not show what starting takes: it counts
    only where all did. Of a backend that compiles nothing the second is None.
    """
    prepared = [row for row in rows if row.prepare_seconds]
    compiled = [row for row in prepared if not row.prepared_from_cache]
    seconds = [row.prepare_seconds for row in compiled or prepared if row.prepare_seconds]
    if not seconds:
        return None, None
    compiles = any(row.prepared_from_cache is not None for row in prepared)
    return of_times(seconds).estimate, not compiled if compiles else None


def harness(rows: Sequence[Measurement]) -> tuple[float | None, float | None]:
    """Return the seconds of the clock and an empty call, and their share of the shortest sample."""
    calls = [row.seconds for row in rows if row.family == HARNESS and row.seconds]
    samples = [
        seconds * row.iterations
        for row in rows
        if row.family not in (CEILING, HARNESS) and row.iterations and row.phase is None
        for seconds in row.samples
    ]
    if not calls:
        return None, None
    added = of_times(calls).estimate
    return added, added / min(samples) if samples else None
