"""Tables of the problems of one size, which have no crossover.

Beside the time of an iteration they have rows per second, and the time of an epoch and of a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from perceptron.answer import Table
from perceptron.numbers import Cell, Quantity
from perceptron.questions.crossover.figures import throughput
from perceptron.questions.crossover.sweep import CurvePoint, spot_of
from perceptron.questions.shared.published import FAMILY
from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, with_contended
from perceptron.statistics.select import reason

_Row = tuple[tuple[Cell, ...], CurvePoint | None]
"""The cells of a table's row, and the time in it; None if not measured."""


def single_problems(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    """Return the rows of each family of a single problem, for each comparison key."""
    return [
        comparable
        for family, members in grouped(rows, attrgetter("family")).items()
        if family != FAMILY and len(set(map(attrgetter("size", "problem"), members))) == 1
        for comparable in grouped(members, comparison_key).values()
    ]


def single_tables(
    rows: Iterable[Measurement], problems: Iterable[list[Measurement]]
) -> list[Table]:
    """Return one table with the times of the `single_problems` of these rows, or none.

    If any of the rows is of several processes that train together, each states its number.
    """
    over_processes = any((number or 1) > 1 for number in set(map(attrgetter("processes"), rows)))
    lines = [
        _of_backend(of_backend, over_processes)
        for members in problems
        for of_backend in grouped(members, lambda row: row.backend).values()
    ]
    threads = "processes × threads" if over_processes else "threads"
    if not lines:
        return []
    has_epochs = any(point is not None and point.epoch is not None for _, point in lines)
    has_models = any(point is not None and point.models > 1 for _, point in lines)
    cells = []
    for cells_of_row, point in lines:
        epochs: tuple[Cell, Cell] = (None, None)
        of_one = None
        if point is not None:
            seconds, epoch = point.value.estimate, point.epoch
            if epoch is not None:
                epochs = throughput(epoch, seconds), Quantity(epoch.seconds(seconds), "s")
            of_one = Quantity(seconds / point.models, "s")
        cells.append((*cells_of_row, *epochs * has_epochs, *(of_one,) * has_models))
    table = Table(
        title="One size",
        columns=(
            *("family", "backend", threads, "time per iteration [95% interval]"),
            *("throughput>", "per epoch>") * has_epochs,
            *("per model>",) * has_models,
        ),
        rows=tuple(cells),
    )
    contentions = [Contention() if point is None else point.contention for _, point in lines]
    return [with_contended(table, contentions)]


def _of_backend(rows: Sequence[Measurement], over_processes: bool) -> _Row:
    first, point, because = rows[0], spot_of(rows), reason(rows, rows[0].backend)
    answer: Cell = f"not measured: {because}"
    if point is not None:
        more = f", then no more: {because}" if because else ""
        answer = Quantity(point.value.estimate, "s", point.value.ends, after=more)
    threads: Cell = str(comparison_key(first).threads)
    if over_processes:
        threads = None if first.threads is None else f"{first.processes or 1} × {first.threads}"
    return (first.family, first.backend, threads, answer), point
