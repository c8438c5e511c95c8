"""Where one iteration's time goes: by rung down to the floor, and by iteration phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from perceptron.analysis.gpu_use import GpuUse, gpu_use
from perceptron.analysis.interval import of_times
from perceptron.analysis.overhead.device import DevicePart, device_parts
from perceptron.analysis.overhead.families import EXTRAS, HARNESS
from perceptron.analysis.overhead.iteration_phases import (
    IterationPhase,
    WholeIteration,
    iteration_phases,
    whole_iteration,
)
from perceptron.analysis.overhead.roofline import Ceilings, ceilings
from perceptron.analysis.overhead.rung import Rung, floor, rungs
from perceptron.records.budget import BudgetUse
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning


class OverheadResult(Struct, frozen=True, kw_only=True):
    """Everything that `perceptron overhead` reports."""

    problem: str
    threads: int
    operations: int
    """Of one iteration, counted from shapes."""
    bytes_moved: int
    """The same, if nothing stays in a cache, in float32."""
    rungs: list[Rung]
    no_floor: str | None
    """Why no rung is called the floor; None where one is."""
    phases: list[IterationPhase]
    wholes: list[WholeIteration]
    ceilings: list[Ceilings]
    """By device and what measured it there; see `roofline.roof`."""
    device: list[DevicePart]
    """What devices beside the host cost around the iterations."""
    gpus: list[GpuUse]
    """In which state they were while it was measured."""
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
    """None of a run that ended before it was written down."""


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
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> OverheadResult:
    """Judge the rows of one run; ``removes`` names the rungs in their order.

    ``work`` holds the operations and the bytes of one iteration, ``published`` the seconds that
    others published for one, by backend, and ``left_out`` why there was no time for a rung.
    """
    added, share = harness(rows)
    return OverheadResult(
        problem=problem,
        threads=threads,
        operations=work[0],
        bytes_moved=work[1],
        rungs=[
            msgspec.structs.replace(rung, kernels_profiled=profiled.get(rung.backend))
            for rung in rungs(rows, removes, kernels, work, left_out)
        ],
        no_floor=floor(rows, removes).why_not,
        phases=[phase for name in removes for phase in iteration_phases(rows, name)],
        wholes=[
            iteration for name in removes if (iteration := whole_iteration(rows, name)) is not None
        ],
        ceilings=ceilings(rows),
        device=device_parts(rows),
        gpus=gpu_use(rows),
        harness_seconds=added,
        harness_share=share,
        published=dict(published),
        rows=list(rows),
        results=results,
        environment=environment,
        warnings=list(warnings),
        budget=budget,
    )


def harness(rows: Sequence[Measurement]) -> tuple[float | None, float | None]:
    """Return the seconds of the clock and an empty call, and their share of the shortest sample."""
    calls = [row.seconds for row in rows if row.family == HARNESS and row.seconds]
    samples = [
        seconds * row.iterations
        for row in rows
        if row.family not in EXTRAS and row.iterations and row.phase is None
        for seconds in row.samples
    ]
    if not calls:
        return None, None
    added = of_times(calls).estimate
    return added, added / min(samples) if samples else None
