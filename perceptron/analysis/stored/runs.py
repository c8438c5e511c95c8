"""A stored run, judged by the plan that it was started with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.analysis.plausible import plausible
from perceptron.analysis.select import definitions
from perceptron.analysis.stored.bench import BenchResult, summarise
from perceptron.analysis.stored.finding import FAMILY, finding_backends
from perceptron.analysis.trust import warnings_of_rows, warnings_of_run
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.warning import MeasurementWarning

Kind = TypeVar("Kind", bound=Struct)


class _BenchPlan(Struct):
    backends: list[str]
    beside_finding: list[str] = []
    families: list[str] = []
    problems: list[Any] = []
    """With models of the user's own no finding is measured."""


class _CrossoverPlan(Struct):
    pairs: list[tuple[str, str]]
    iterations: Annotated[int, Meta(ge=1)]


def judge_bench(loaded: LoadedRun) -> BenchResult:
    """Judge a run of the main job; raises `UserError` naming the folder if it cannot be judged."""
    rows, plan = usable_rows(loaded.folder, loaded.times), _plan(loaded, _BenchPlan)
    facts = loaded.facts
    measured = not plan.problems or any(row.family == FAMILY for row in rows)
    with _judging(loaded.folder):
        threads = max(row.all_threads for row in rows if row.all_threads is not None)
        return summarise(
            plan.backends,
            loaded.folder,
            facts.environment,
            rows,
            _warnings(loaded, threads, rows),
            dict.fromkeys(plan.families, 2),  # a family has several
            loaded.run.budget,
            finding_backends(plan.backends, plan.beside_finding) if measured else (),
        )


def judge_crossovers(loaded: LoadedRun) -> CrossoverResult:
    """Judge a search for crossovers; raises `UserError` naming the folder if it cannot be."""
    rows, plan = usable_rows(loaded.folder, loaded.times), _plan(loaded, _CrossoverPlan)
    with _judging(loaded.folder):
        threads = max(row.all_threads for row in rows if row.all_threads is not None)
        result = crossover_result(
            rows,
            plan.pairs or None,
            plan.iterations,
            loaded.facts.environment,
            loaded.folder,
            _warnings(loaded, threads, rows),
            loaded.run.budget,
        )
    return replace(result, what_if=_estimates(loaded))


@contextmanager
def _judging(folder: Path) -> Iterator[None]:
    """Raise `UserError` for rows that contradict each other, whoever wrote them."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise UserError(f"{folder}: rows that cannot be judged: {error}") from None


def usable_rows(folder: Path, rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of a run that can be judged together: possible numbers, one definition.

    Raises `UserError` where none says on how many threads it was measured.
    """
    rows = [row for row in rows if plausible(row)]
    rows = definitions(rows).keep(rows)
    if not any(row.all_threads for row in rows):
        raise UserError(f"{folder}: no rows that say on how many threads they were measured")
    return rows


def _plan(loaded: LoadedRun, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(loaded.run.plan, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}, plan: {error}") from None


def _estimates(loaded: LoadedRun) -> list[WhatIf]:
    try:
        return msgspec.convert(loaded.run.what_if, list[WhatIf])
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}, what_if: {error}") from None


def _warnings(
    loaded: LoadedRun, threads: int, rows: Iterable[Measurement]
) -> list[MeasurementWarning]:
    left_out = definitions(loaded.times).warnings()
    return [*warnings_of_run(loaded, threads), *left_out, *warnings_of_rows(rows)]
