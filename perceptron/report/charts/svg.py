"""Figures as SVG text, the same for the page and the README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log10

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from perceptron.analysis.crossover.judge import Crossover, is_line
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import times
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FindingRow
from perceptron.analysis.what_if.estimate import DeviceEstimate
from perceptron.records.measurement import Measurement
from perceptron.report.charts.dots import measured, published
from perceptron.report.charts.palette import Stroke, stroke, strokes
from perceptron.report.charts.style import drawing, svg
from perceptron.report.numbers import digits, duration, tick
from perceptron.untrusted_text import for_matplotlib

# Crossovers that a figure has room to label; the table has them all.
_LABELLED = 4


def finding_chart(rows: Sequence[FindingRow]) -> str:
    """Seconds of the whole training for each backend, with the published ones, on a log axis."""
    with drawing(7.2, 0.62 * len(rows) + 1.3) as (figure, axes):
        for place, row in enumerate(rows):
            look = stroke(row.backend)
            if row.published_seconds is not None:
                told = f"{row.published_seconds:g} s"
                published(axes, place, row.published_seconds, look, told)
            if row.seconds is None:
                axes.text(
                    0.01,
                    place,
                    for_matplotlib(f"not measured: {row.reason}", 80),
                    transform=axes.get_yaxis_transform(),
                    va="center",
                    color="#666666",
                    style="italic",
                )
                continue
            interval = (row.low, row.seconds, row.high)
            measured(axes, place, interval, look, duration(row.seconds))
        axes.set_yticks(range(len(rows)), [_named(row) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xscale("log")
        low, high = _log_range(rows)
        axes.set_xlim(low / 2, high * 4)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(False, axis="y")
        axes.set_xlabel("10,000 iterations on the OR gate (filled: measured here, open: published)")
        return svg(figure)


def _named(row: FindingRow) -> str:
    return f"{for_matplotlib(row.backend)}\n{for_matplotlib(row.dtype or '–')}"


def family_axis(family: str) -> str:
    """What varies along a family: the starred part of a shape, or our names' last word."""
    if family.startswith("mlp:") and "*" in family:
        parts = family.removeprefix("mlp:").split("x")
        place = parts.index("*") if "*" in parts else 2
        return ("rows", "features", "hidden width")[min(place, 2)]
    last = family.rpartition("-")[2]
    return last if last in ("rows", "features", "width", "depth", "map") else "size"


def family_chart(bench: BenchResult, family: str) -> str:
    """The sweep of a family, or nothing for one that varies along two axes or has no times.

    One number of threads to a figure, the fewest; the table has them all.
    """
    rows = [row for row in bench.rows if row.family == family and row.threads == bench.threads[0]]
    if not is_line(rows) or all(row.status != "ok" for row in rows):
        return ""
    found = [
        each
        for each in bench.crossovers
        if each.family == family and each.threads == bench.threads[0]
    ]
    return sweep_chart(rows, found, family_axis(family))


def sweep_chart(
    rows: Iterable[Measurement],
    found: Iterable[Crossover],
    axis: str,
    estimates: Sequence[Sequence[DeviceEstimate]] = (),
) -> str:
    """Time per iteration over size, both logarithmic; bands are 95 %, crossovers are marked.

    Estimates are thin, dotted and within their range.
    """
    members = list(rows)
    looks = strokes(row.backend for row in members)
    ours = all(row.source != "csv" for row in members)
    with drawing(7.2, 4.2) as (figure, axes):
        for backend, look in looks.items():
            _line(axes, [row for row in members if row.backend == backend], backend, look)
        for line in estimates:
            _estimated(axes, line)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        crossings = [each for each in found if each.crossings]
        for place, crossover in enumerate(crossings):
            _mark(axes, crossover, place if len(crossings) <= _LABELLED else None)
        axes.set_xlabel(axis)
        axes.set_ylabel("time per iteration" if ours else "time")
        axes.xaxis.set_major_locator(LogLocator(base=2, numticks=9))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size_tick(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend(frameon=False, loc="best")
        return svg(figure)


def _estimated(axes: Axes, line: Sequence[DeviceEstimate]) -> None:
    look = stroke(line[0].backend)
    sizes = [each.size for each in line]
    axes.plot(
        sizes,
        [each.seconds for each in line],
        color=look.colour,
        linewidth=1,
        linestyle=(0, (1, 2)),
        label=f"{for_matplotlib(line[0].backend)} on {line[0].device}, ESTIMATED",
    )
    axes.fill_between(
        sizes,
        [each.low for each in line],
        [each.high for each in line],
        facecolor="none",
        edgecolor=look.colour,
        hatch="...",
        alpha=0.25,
        linewidth=0,
    )


def _line(axes: Axes, rows: list[Measurement], backend: str, look: Stroke) -> None:
    sizes = sorted({row.size for row in rows if row.status == "ok"})
    if not sizes:
        return
    found = [
        of_times(list(times([row for row in rows if row.size == size], backend).values()))
        for size in sizes
    ]
    axes.plot(
        sizes,
        [value.estimate for value in found],
        color=look.colour,
        dashes=look.dash or (None, None),
        marker=look.marker,
        markersize=4.5,
        label=for_matplotlib(backend),
    )
    axes.fill_between(
        sizes,
        [value.low or value.estimate for value in found],
        [value.high or value.estimate for value in found],
        color=look.colour,
        alpha=0.18,
        linewidth=0,
    )


def _mark(axes: Axes, found: Crossover, place: int | None) -> None:
    """A dotted line for each change of winner; its label stands at a height of its own."""
    for crossing in found.crossings:
        axes.axvline(crossing.size, color="#333333", linewidth=1, linestyle=":")
        if place is None:
            continue
        winner = for_matplotlib(getattr(found, crossing.direction))
        axes.annotate(
            f"{winner}\nfrom {digits(crossing.size, 2)} on",
            (crossing.size, 0.02 + 0.11 * place),
            xycoords=axes.get_xaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8.5,
            color="#333333",
        )
    if found.size is not None and found.low is not None and found.high is not None:
        axes.axvspan(found.low, found.high, color="#333333", alpha=0.10, linewidth=0)


def size_tick(value: float) -> str:
    """A size at an axis: 512, 4 Ki, 2 Mi."""
    for exponent, unit in ((20, "Mi"), (10, "Ki")):
        if value >= 2**exponent:
            return f"{value / 2**exponent:g} {unit}"
    return f"{value:g}"


def _log_range(rows: Sequence[FindingRow]) -> tuple[float, float]:
    seen = [
        value for row in rows for value in (row.seconds, row.published_seconds) if value is not None
    ]
    return 10 ** (log10(min(seen)) - 0.1), 10 ** (log10(max(seen)) + 0.1)
