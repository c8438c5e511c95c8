"""The figure of one backend on several machines: times over sizes, a line for each machine."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.picture import bands, curve_line
from perceptron.analysis.fleet.one_backend import BackendOnMachines, MachineCurve
from perceptron.analysis.sizes import size_axis
from perceptron.figure import LineFigure, log_axis, size_text, within
from perceptron.numbers import tick

_HEIGHT = 460
# Of each line of a legend beyond the first three, in pixels.
_LEGEND = 14


def machines_figure(
    group: BackendOnMachines, drawn: Sequence[tuple[str, MachineCurve]], shown: str, times: int = 1
) -> LineFigure:
    """Return times over sizes, ``times`` those of one iteration, a line for each labelled curve.

    There are no more curves than `palette.MACHINES`; each has a value. No crossover is marked, as
    two machines are not compared.
    """
    axis = size_axis(group.family, group.axis)
    lines = [
        curve_line(one.curve, axis, times, label, machine)
        for machine, (label, one) in enumerate(drawn)
    ]
    values = [value for line in lines for value in line.y]
    ends = [end for line in lines for end in (*line.low, *line.y, *line.high) if end is not None]
    return LineFigure(
        alt=f"{shown} of {group.backend} over {axis} on {'; '.join(label for label, _ in drawn)}, "
        "both axes logarithmic, a line for each machine",
        caption=f"Lower is faster. {bands([one.curve for _, one in drawn])}. The lines are of "
        "different machines: they differ in hardware, libraries and what the legend says, and no "
        "time of one is divided by another's.",
        height=_HEIGHT + _LEGEND * max(0, len(lines) - 3),
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(values, ends), tick, 10, shown),
        lines=tuple(lines),
    )
