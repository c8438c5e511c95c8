"""How a pair of backends compares, size by size, and where they change places."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.interval import of_ratio
from perceptron.analysis.select import current, ground, paired
from perceptron.records.measurement import Measurement
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.style import drawing, svg
from perceptron.report.charts.svg import size_tick
from perceptron.report.numbers import digits
from perceptron.untrusted_text import for_matplotlib

_INK = "#333333"


def ratio_chart(rows: Sequence[Measurement], found: Crossover, axis: str) -> str:
    """Challenger over incumbent at every size measured, with 95 % bars; "" where there is none.

    Above 1 the incumbent is faster, below it the challenger; within the grey ±5 % nobody should
    care. A crossover is a dotted line, its interval a band, and what is not sure is hatched.
    """
    where = (found.machine, found.dtype, found.threads)
    members = current(row for row in rows if row.family == found.family and ground(row) == where)
    ratios = []
    for size in found.sizes_measured:
        here = [row for row in members if row.size == size]
        both = paired(here, found.challenger, found.incumbent)
        if both:
            ratios.append((size, of_ratio(*zip(*both.values(), strict=True))))
    if not ratios:
        return ""
    with drawing(7.2, 3.4) as (figure, axes):
        axes.axhspan(1 / 1.05, 1.05, color="#888888", alpha=0.18, linewidth=0)
        axes.axhline(1.0, color=_INK, linewidth=1)
        sizes = [size for size, _ in ratios]
        estimates = [each.estimate for _, each in ratios]
        axes.errorbar(
            sizes,
            estimates,
            yerr=[
                [each.estimate - (each.low or each.estimate) for _, each in ratios],
                [(each.high or each.estimate) - each.estimate for _, each in ratios],
            ],
            color=_INK,
            marker="o",
            markersize=4.5,
            capsize=3,
            linewidth=1.2,
        )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        _mark(axes, found)
        _sides(axes, found)
        axes.set_xlabel(f"{axis} (dots: sizes measured)")
        names = [for_matplotlib(name) for name in (found.challenger, found.incumbent)]
        axes.set_ylabel("time of {}\nover {}".format(*names))
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=9))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size_tick(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=9))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{digits(value, 2)} ×"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        return svg(figure)


def _mark(axes: Axes, found: Crossover) -> None:
    for crossing in found.crossings:
        axes.axvline(crossing.size, color=_INK, linewidth=1, linestyle=":")
    if found.low is not None and found.high is not None:
        axes.axvspan(found.low, found.high, color=_INK, alpha=0.12, linewidth=0)
    for low, high in found.unsure:
        axes.axvspan(
            low / 1.05, high * 1.05, facecolor="none", edgecolor="#bbbbbb", hatch="///", linewidth=0
        )


def _sides(axes: Axes, found: Crossover) -> None:
    """Who is faster above and below the line, each in its colour, where the curve is not."""
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.8), max(high, 1.25))
    looks = strokes((found.incumbent, found.challenger))
    rises = found.status == "reverses"
    for name, height, align, right in (
        (found.incumbent, 0.97, "top", not rises),
        (found.challenger, 0.03, "bottom", rises),
    ):
        axes.text(
            0.99 if right else 0.01,
            height,
            f"{for_matplotlib(name)} is faster",
            transform=axes.transAxes,
            ha="right" if right else "left",
            va=align,
            fontsize=8.5,
            color=looks[name].colour,
        )
