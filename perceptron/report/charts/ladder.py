"""The ladder as a figure: from the published times down to the floor, on one logarithmic axis."""

from __future__ import annotations

from math import log10

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from perceptron.analysis.overhead.ladder import OverheadResult, Rung
from perceptron.report.charts.dots import measured, published
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.style import drawing, svg
from perceptron.report.numbers import digits, duration, tick
from perceptron.untrusted_text import for_matplotlib


def ladder_chart(found: OverheadResult) -> str:
    """Time per iteration of each rung, and what each removes; "" where nothing has a time.

    Filled: measured here, with 95 % bars. Open: published for the same problem, on hardware that
    is not named.
    """
    rungs = [rung for rung in found.rungs if rung.seconds_per_iteration is not None]
    extra = [name for name in found.published if name not in {rung.backend for rung in rungs}]
    if not rungs:
        return ""
    looks = strokes([rung.backend for rung in found.rungs] + list(found.published))
    rows = [*extra, *(rung.backend for rung in rungs)]
    by_name = {rung.backend: rung for rung in rungs}
    with drawing(7.2, 0.5 * len(rows) + 1.2) as (figure, axes):
        for place, name in enumerate(rows):
            if name in found.published:
                seconds = found.published[name]
                published(axes, place, seconds, looks[name], duration(seconds))
            if name in by_name:
                rung = by_name[name]
                measured(
                    axes,
                    place,
                    (rung.low, rung.seconds_per_iteration or 0.0, rung.high),
                    looks[name],
                    _text(rung),
                    left=name in found.published,
                )
        axes.set_yticks(range(len(rows)), [for_matplotlib(name) for name in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xscale("log")
        seen = [rung.seconds_per_iteration or 1.0 for rung in rungs] + list(
            found.published.values()
        )
        axes.set_xlim(10 ** (log10(min(seen)) - 0.25), 10 ** (log10(max(seen)) + 0.9))
        axes.xaxis.set_major_locator(LogLocator(base=10, numticks=12))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(False, axis="y")
        shown = ", open: published" if found.published else ""
        axes.set_xlabel(
            f"one iteration of {for_matplotlib(found.problem)} (filled: measured here{shown})"
        )
        return svg(figure)


def _text(rung: Rung) -> str:
    if rung.ratio_low == rung.ratio_high == 1:
        ratio = ", the floor"
    elif rung.ratio_to_floor is None:
        ratio = ""
    else:
        ratio = f", {digits(rung.ratio_to_floor, 2)} × the floor"
    return f"{duration(rung.seconds_per_iteration or 0.0)}{ratio}"
