"""The figure of a pair: the ratio of their times at each size, and where they change places."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.stored.sweep import CurvePoint
from perceptron.report.charts.axes import log_axis, size_text, within
from perceptron.report.charts.figure import Line, LineFigure, Note, Stretch
from perceptron.report.charts.sweep import crossings
from perceptron.report.crossover_words import sentence
from perceptron.report.numbers import interval

_TIE = 1.05
# There is room for more ticks up an axis than along one.
_TICKS = 12


def ratio_figure(crossover: Crossover, spots: Sequence[CurvePoint], axis: str) -> LineFigure | None:
    """Return the challenger over the incumbent at every size; None where there is no value.

    Above 1 the incumbent is faster, below it the challenger.
    """
    if not spots:
        return None
    incumbent, challenger = crossover.incumbent, crossover.challenger
    line = _line(crossover, spots, axis)
    known = [end for end in (*line.low, *line.y, *line.high) if end is not None]
    marks, stretches = crossings([crossover], lowest=1)  # a note stands below
    unsure = [Stretch("x", low, high, "unsure") for low, high in crossover.unsure]
    return LineFigure(
        alt=f"Ratio of times over {axis}, both axes logarithmic: above 1 {incumbent} is "
        f"faster, below 1 {challenger}. {sentence(crossover)}",
        caption=f"Above 1 {incumbent} is faster, below it {challenger}; within the "
        "grey ±5 % nobody should care. Bands are 95 % intervals; yellow: the winner is not sure.",
        height=420,
        x=log_axis(line.x, size_text, 2, axis),
        y=log_axis(
            [*within(line.y, known), 1 / 1.25, 1.25],
            lambda value: f"{value:g} ×",
            10,
            f"time of {challenger} over {incumbent}",
            _TICKS,
        ),
        lines=(line,),
        marks=tuple(marks),
        stretches=(Stretch("y", 1 / _TIE, _TIE, "tie"), *stretches, *unsure),
        notes=_notes(crossover),
        legend=False,
    )


def _line(crossover: Crossover, spots: Sequence[CurvePoint], axis: str) -> Line:
    values = [spot.value for spot in spots]
    return Line(
        backend=crossover.challenger,
        label=f"{crossover.challenger} / {crossover.incumbent}",
        x=tuple(spot.size for spot in spots),
        y=tuple(value.estimate for value in values),
        low=tuple(value.low for value in values),
        high=tuple(value.high for value in values),
        texts=tuple(
            f"{axis} {spot.size:,}: "
            f"{interval(spot.value.estimate, spot.value.low, spot.value.high)} ×; "
            f"{spot.processes} processes"
            for spot in spots
        ),
    )


def _notes(crossover: Crossover) -> tuple[Note, Note]:
    """Return who is faster above and below, each in its colour, where the curve is not."""
    rises = crossover.status == "reverses"
    return (
        Note(f"{crossover.incumbent} is faster", crossover.incumbent, top=True, right=not rises),
        Note(f"{crossover.challenger} is faster", crossover.challenger, top=False, right=rises),
    )
