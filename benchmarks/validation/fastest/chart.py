"""The regrets of each way to answer, the largest first."""

from __future__ import annotations

from benchmarks.validation.fastest.record import ALWAYS, FastestTruth, Quality
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.axes import log_axis
from perceptron.report.charts.figure import Line, LineFigure

_RANK = "trainings with a regret at least as large"
_REGRET = "regret: time of the pick over that of the fastest"


def chart(truth: FastestTruth) -> str:
    """Return the figure as SVG."""
    return draw(figure(truth))


def figure(truth: FastestTruth) -> LineFigure:
    """Return the figure: how many trainings have a regret as large or larger, for each way."""
    lines = tuple(line for quality in truth.qualities if (line := _line(quality)) is not None)
    ranks = [rank for line in lines for rank in line.x]
    regrets = [regret for line in lines for regret in line.y]
    return LineFigure(
        alt=f"{_REGRET}, over the number of {_RANK}; both axes logarithmic",
        caption="Lower is better; 1 is the fastest backend. Always one backend is dotted.",
        height=420,
        x=log_axis(ranks, "{:g}".format, 10, _RANK),
        y=log_axis(regrets, _times, 10, _REGRET),
        lines=lines,
    )


def _line(quality: Quality) -> Line | None:
    regrets = sorted((one.regret for one in quality.picks if one.regret is not None), reverse=True)
    if not regrets:
        return None
    none = (None,) * len(regrets)
    return Line(
        backend=quality.answers.removeprefix(ALWAYS),
        label=quality.label,
        x=tuple(range(1, len(regrets) + 1)),
        y=tuple(regrets),
        low=none,
        high=none,
        texts=tuple(map(_times, regrets)),
        estimated=not quality.is_asked,
    )


def _times(regret: float) -> str:
    return f"× {regret:.3g}"
