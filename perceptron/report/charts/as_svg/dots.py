"""Times as dots in rows over one logarithmic axis, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from perceptron.figure import Dot, DotFigure
from perceptron.report.charts.as_svg.lines import set_axis
from perceptron.report.charts.palette import Stroke
from perceptron.report.charts.style import INCH, drawing, svg
from perceptron.untrusted_text import for_matplotlib

_INK, _SOFT = "#222222", "#555555"
# Of a label to the end of its bar, in points, and how its text is aligned there.
_SIDES = {
    "left": ((-9, 0), "right", "center"),
    "right": ((9, 0), "left", "center"),
    "above": ((0, 8), "center", "bottom"),
}


def draw_dots(figure: DotFigure, looks: Mapping[str, Stroke]) -> str:
    """Return the figure as SVG, the same bytes for the same figure."""
    with drawing(7.2, figure.height / INCH) as (canvas, axes):
        axes.set_xscale("log")
        for dot in figure.dots:
            _dot(axes, dot, looks[dot.backend])
        for row, reason in figure.absent:
            axes.text(
                0.01,
                row,
                for_matplotlib(reason, 80),
                transform=axes.get_yaxis_transform(),
                va="center",
                color="#666666",
                style="italic",
            )
        axes.set_yticks(range(len(figure.rows)), [_name(name) for name in figure.rows])
        axes.set_ylim(len(figure.rows) - 0.45, -0.6)
        axes.grid(False, axis="y")
        set_axis(axes, "x", figure.x)
        axes.set_title(figure.key, loc="left", fontsize=8.5, color="#555555")
        return svg(canvas)


def _dot(axes: Axes, dot: Dot, look: Stroke) -> None:
    if dot.published:
        axes.plot(
            dot.seconds,
            dot.row,
            marker="o",
            markersize=9,
            markerfacecolor="white",
            markeredgecolor=look.colour,
            markeredgewidth=1.8,
            linestyle="none",
            zorder=4,
        )
    else:
        axes.errorbar(
            dot.seconds,
            dot.row,
            xerr=[[dot.seconds - dot.low], [dot.high - dot.seconds]],
            fmt="o",
            markersize=9,
            capsize=4,
            color=look.colour,
        )
    offset, across, up = _SIDES[dot.side]
    ends = {"left": dot.low, "right": dot.high, "above": dot.seconds}
    axes.annotate(
        "\n".join(for_matplotlib(line) for line in dot.label.split("\n")),
        (ends[dot.side], dot.row),
        xytext=offset,
        textcoords="offset points",
        ha=across,
        va=up,
        color=_SOFT if dot.published else _INK,
        linespacing=1.0,
    )


def _name(text: str) -> str:
    return "\n".join(for_matplotlib(line) for line in text.split("\n"))
