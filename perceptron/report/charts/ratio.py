"""The figure of a pair: the ratio of their times at each size, and where they change places."""

from __future__ import annotations

from perceptron.analysis.crossover.judge import Crossover
from perceptron.figure import Line, LineFigure, Note, Stretch, log_axis, size_text, within
from perceptron.numbers import interval
from perceptron.report.charts.sweep import crossings
from perceptron.report.crossover_words import in_short

_TIE = 1.05
# There is room for more ticks up an axis than along one.
_TICKS = 12


def ratio_figure(crossover: Crossover, axis: str) -> LineFigure | None:
    """Return the challenger over the incumbent at every size; None where there is no value.

    Above 1 the incumbent is faster, below it the challenger.
    """
    if not crossover.ratio_at:
        return None
    incumbent, challenger = crossover.incumbent, crossover.challenger
    line = _line(crossover, axis)
    known = [end for end in (*line.low, *line.y, *line.high) if end is not None]
    marks, stretches = crossings([crossover], lowest=1)  # a note stands below
    unsure = [Stretch("x", low, high, "unsure") for low, high in crossover.unsure]
    return LineFigure(
        alt=f"Ratio of times over {axis}, both axes logarithmic: above 1 {incumbent} is "
        f"faster, below 1 {challenger}. {in_short(crossover)}",
        caption=f"Above 1 {incumbent} is faster, below it {challenger}; within the "
        f"grey ±5 % nobody should care. {_bands(crossover)}; yellow: the winner is not sure.",
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


def _line(crossover: Crossover, axis: str) -> Line:
    ratios = crossover.ratio_at
    return Line(
        backend=crossover.challenger,
        label=f"{crossover.challenger} / {crossover.incumbent}",
        x=tuple(at.size for at in ratios),
        y=tuple(at.ratio for at in ratios),
        low=tuple(at.low for at in ratios),
        high=tuple(at.high for at in ratios),
        texts=tuple(
            f"{axis} {at.size:,}: {interval(at.ratio, at.low, at.high)} ×; {at.processes} processes"
            for at in ratios
        ),
    )


def _bands(crossover: Crossover) -> str:
    if all(at.processes == 1 for at in crossover.ratio_at):
        return "Bands are what the 99 % intervals in the files allow"
    return "Bands are 95 % intervals"


def _notes(crossover: Crossover) -> tuple[Note, Note]:
    """Return who is faster above and below, each in its colour, where the curve is not."""
    rises = crossover.status == "reverses"
    return (
        Note(f"{crossover.incumbent} is faster", crossover.incumbent, top=True, right=not rises),
        Note(f"{crossover.challenger} is faster", crossover.challenger, top=False, right=rises),
    )
