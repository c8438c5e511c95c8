"""A stored run, judged by the plan that it was started with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from perceptron.analysis.advice import AdviceAxis, AdviceResult, advise, rows_on
from perceptron.analysis.plausible import usable_rows
from perceptron.analysis.select import definitions
from perceptron.analysis.throughput import TrainingLength
from perceptron.analysis.trust import warnings_of_rows, warnings_of_run
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.warning import MeasurementWarning

Kind = TypeVar("Kind", bound=Struct)


class _AdvicePlan(Struct):
    name: str
    backends: list[str]
    length: TrainingLength
    axes: list[AdviceAxis]


def judge_advice(loaded: LoadedRun) -> AdviceResult:
    """Judge a run of advice; raises `UserError` naming the folder if it cannot be judged.

    Of the axes that it was to look along those without rows are left out.
    """
    rows, plan = usable_rows(loaded.folder, loaded.times), _plan(loaded, _AdvicePlan)
    axes = [rows_on(axis, rows, plan.name) for axis in plan.axes]
    with _judging(loaded.folder):
        looked_along = [axis for axis in axes if axis.has_other_sizes]
        judged = advise(rows, plan.backends, plan.name, plan.length, looked_along)
    return AdviceResult(
        advice=judged,
        rows=rows,
        results=loaded.folder,
        warnings=_warnings(loaded, judged.threads, rows),
        budget=loaded.run.budget,
    )


@contextmanager
def _judging(folder: Path) -> Iterator[None]:
    """Raise `UserError` for rows that contradict each other, whoever wrote them."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise UserError(f"{folder}: rows that cannot be judged: {error}") from None


def _plan(loaded: LoadedRun, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(loaded.run.plan, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}, plan: {error}") from None


def _warnings(
    loaded: LoadedRun, threads: int, rows: Iterable[Measurement]
) -> list[MeasurementWarning]:
    left_out = definitions(loaded.times).warnings()
    return [*warnings_of_run(loaded, threads), *left_out, *warnings_of_rows(rows)]
