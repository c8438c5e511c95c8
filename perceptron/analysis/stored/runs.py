"""A run as it lies on disk, judged by what it set out to find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from perceptron.analysis.overhead.ladder import OverheadResult, ladder
from perceptron.analysis.phase_map.grid import log_grid
from perceptron.analysis.phase_map.phase_map import MapResult, phase
from perceptron.analysis.plausible import plausible
from perceptron.analysis.stored.bench import BenchResult, summarise
from perceptron.analysis.trust import warnings_about
from perceptron.errors import UserError
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.store import Run, load_conditions, load_run
from perceptron.records.warning import MeasurementWarning

Kind = TypeVar("Kind", bound=Struct)
Size = Annotated[int, Meta(ge=1, le=2**40)]
Points = Annotated[int, Meta(ge=1, le=256)]
Threads = Annotated[int, Meta(ge=1)]


class _BenchPlan(Struct):
    backends: list[str]


class _MapPlan(Struct):
    x_range: tuple[Size, Size]
    y_range: tuple[Size, Size]
    points: Points
    threads: Threads


class _LadderPlan(Struct):
    problem: str
    removes: dict[str, str]
    kernels: dict[str, int]
    operations: Size
    bytes_moved: Size
    threads: Threads


def judged_bench(folder: Path) -> BenchResult:
    """A run of the main job; raises `UserError` naming the file that cannot be understood."""
    run, environment, rows = _load(folder)
    plan = _plan(folder, run, _BenchPlan)
    conditions = load_conditions(folder)
    with _judging(folder):
        return summarise(plan.backends, folder, environment, rows, conditions)


def judged_map(folder: Path) -> MapResult:
    """A map; raises `UserError` naming the file that cannot be understood."""
    run, environment, rows = _load(folder)
    plan = _plan(folder, run, _MapPlan)
    with _judging(folder):
        found = phase(rows, log_grid(plan.x_range, plan.y_range, plan.points))
    return MapResult(
        map=found,
        machine=run.machine,
        results=folder,
        environment=environment,
        rows=rows,
        warnings=_warnings(folder, environment, plan.threads),
    )


def judged_ladder(folder: Path) -> OverheadResult:
    """A ladder; raises `UserError` naming the file that cannot be understood."""
    run, environment, rows = _load(folder)
    plan = _plan(folder, run, _LadderPlan)
    with _judging(folder):
        return ladder(
            rows,
            problem=plan.problem,
            removes=plan.removes,
            kernels=plan.kernels,
            work=(plan.operations, plan.bytes_moved),
            threads=plan.threads,
            results=folder,
            environment=environment,
            warnings=_warnings(folder, environment, plan.threads),
        )


@contextmanager
def _judging(folder: Path) -> Iterator[None]:
    """Rows that contradict each other are the folder's fault, whoever wrote them."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise UserError(f"{folder}: rows that cannot be judged: {error}") from None


def _load(folder: Path) -> tuple[Run, Environment, list[Measurement]]:
    # Of lines that are no rows the shelf tells; they take nothing else with them.
    run, environment, rows = load_run(folder, lambda _: None)
    rows = [row for row in rows if plausible(row)]
    if not any(row.threads for row in rows):
        raise UserError(f"{folder}: no rows that say on how many threads they were measured")
    return run, environment, rows


def _plan(folder: Path, run: Run, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(run.plan, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{folder / 'run.json'}, plan: {error}") from None


def _warnings(folder: Path, environment: Environment, threads: int) -> list[MeasurementWarning]:
    return warnings_about(environment, threads, load_conditions(folder))
