"""What an iteration takes over gradients of several sizes: measured, and estimated dotted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.axes import log_axis, size_text, within
from perceptron.report.charts.figure import Line, LineFigure
from perceptron.report.numbers import duration, duration_interval, tick
from perceptron.validation.network.check import NetworkCheck, NetworkTruth

_SIZE = "gradient of an iteration in bytes"
_TIME = "time per iteration"


def chart(truth: NetworkTruth) -> str:
    """Return the figure as SVG: for each link what was measured beside the estimate's range."""
    return draw(figure(truth))


def figure(truth: NetworkTruth) -> LineFigure:
    """Return the figure; problems stand by the size of their gradient."""
    ordered = sorted(truth.checks, key=lambda check: (check.bits is None, check.bits or 0))
    groups = [
        sorted(checks, key=lambda check: check.gradient_bytes)
        for _, checks in groupby(ordered, key=lambda check: check.link)
    ]
    lines = [line for checks in groups for line in (_measured(checks), _estimated(checks))]
    values = [value for line in lines for value in line.y]
    ends = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    return LineFigure(
        alt=f"{_TIME} over the {_SIZE}, both axes logarithmic, for each link: measured, and "
        "estimated dotted",
        caption="Lower is faster. Estimates are dotted.",
        height=460,
        x=log_axis([size for line in lines for size in line.x], size_text, 2, _SIZE),
        y=log_axis(within(values, [*values, *ends]), tick, 10, _TIME),
        lines=tuple(lines),
    )


def _measured(checks: Sequence[NetworkCheck]) -> Line:
    values = [check.measured for check in checks]
    return Line(
        backend=checks[0].link,
        label=f"{checks[0].link}, measured",
        x=tuple(check.gradient_bytes for check in checks),
        y=tuple(value.estimate for value in values),
        low=tuple(value.low for value in values),
        high=tuple(value.high for value in values),
        texts=tuple(duration_interval(value.estimate, value.low, value.high) for value in values),
    )


def _estimated(checks: Sequence[NetworkCheck]) -> Line:
    estimates = [check.estimate for check in checks]
    return Line(
        backend=checks[0].link,
        label=f"{checks[0].link}, ESTIMATED",
        x=tuple(check.gradient_bytes for check in checks),
        y=tuple(one.seconds for one in estimates),
        low=tuple(one.low for one in estimates),
        high=tuple(one.high for one in estimates),
        texts=tuple(duration(one.seconds) for one in estimates),
        estimated=True,
    )
