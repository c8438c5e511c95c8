"""Tables of the problems of one size: there is no size to compare along.

Rates beside times are rows per second, the time of an epoch and of one model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from perceptron.answer import Table
from perceptron.numbers import Cell, Quantity
from perceptron.questions.crossover.figures import throughput
from perceptron.questions.crossover.sweep import CurvePoint, spot_of
from perceptron.questions.shared.published import FAMILY
from perceptron.records.ground import ground
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, with_contended
from perceptron.statistics.select import reason

_Row = tuple[tuple[Cell, ...], CurvePoint | None]
"""The cells of a table's row, and the time that it shows; None if not measured."""


def single_problems(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    """Return the rows of each problem that is a family of its own, on each ground."""
    return [
        own
        for family, members in grouped(rows, attrgetter("family")).items()
        if family != FAMILY and len(set(map(attrgetter("size", "problem"), members))) == 1
        for own in grouped(members, ground).values()
    ]


def single_tables(
    rows: Iterable[Measurement], problems: Iterable[list[Measurement]]
) -> list[Table]:
    """Return the times of the `single_problems` of these rows; no table without any.

    Where some of the rows are of several processes that train together, all say how many.
    """
    over_processes = any((number or 1) > 1 for number in set(map(attrgetter("processes"), rows)))
    lines = [
        _of_backend(own, over_processes)
        for members in problems
        for own in grouped(members, lambda row: row.backend).values()
    ]
    threads = "processes × threads" if over_processes else "threads"
    if not lines:
        return []
    has_epochs = any(spot is not None and spot.epoch is not None for _, spot in lines)
    has_models = any(spot is not None and spot.models > 1 for _, spot in lines)
    cells = []
    for own, spot in lines:
        epochs: tuple[Cell, Cell] = (None, None)
        of_one = None
        if spot is not None:
            seconds, epoch = spot.value.estimate, spot.epoch
            if epoch is not None:
                epochs = throughput(epoch, seconds), Quantity(epoch.seconds(seconds), "s")
            of_one = Quantity(seconds / spot.models, "s")
        cells.append((*own, *epochs * has_epochs, *(of_one,) * has_models))
    table = Table(
        title="One size",
        columns=(
            *("family", "backend", threads, "time per iteration [95% interval]"),
            *("throughput>", "per epoch>") * has_epochs,
            *("per model>",) * has_models,
        ),
        rows=tuple(cells),
    )
    contentions = [Contention() if spot is None else spot.contention for _, spot in lines]
    return [with_contended(table, contentions)]


def _of_backend(own: Sequence[Measurement], over_processes: bool) -> _Row:
    one, spot, because = own[0], spot_of(own), reason(own, own[0].backend)
    answer: Cell = f"not measured: {because}"
    if spot is not None:
        more = f", then no more: {because}" if because else ""
        answer = Quantity(spot.value.estimate, "s", spot.value.ends, after=more)
    threads: Cell = str(ground(one).threads)
    if over_processes:
        threads = None if one.threads is None else f"{one.processes or 1} × {one.threads}"
    return (one.family, one.backend, threads, answer), spot
