"""The page of sweeps: times over sizes, with their bands and crossovers, and ratios of pairs."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import ITERATIONS
from perceptron.analysis.stored.sweep import COMMITS, Curve, CurvePoint, Sweep
from perceptron.report.charts import plot
from perceptron.report.charts.svg import family_axis, size_tick
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.dashboard.section import PageTable
from perceptron.report.dashboard.view import Trace, View, ViewFigure, Views, ViewTable, table
from perceptron.report.numbers import digits, duration_interval, interval, tick
from perceptron.report.tables.crossover import CROSSOVER_COLUMNS, crossover_cells
from perceptron.report.tables.crossover_words import missing, sentence

SWITCHES = ("Family", "Machine", "Commit", "dtype", "Threads", "Shown")
ITERATION = "time per iteration"
WHOLE = f"whole training, {ITERATIONS:,} iterations"
COLD = f"from cold, {ITERATIONS:,} iterations"
_TIE = 1.05
# Crossovers that a figure has room to label; the table has them all.
_LABELLED = 4


def sweep_views(found: Collection, looks: plot.Looks) -> Views:
    """A view for each sweep and way of showing it; those of one sweep are in one file."""
    views = Views("sweeps", SWITCHES)
    # What has a crossover to show comes first.
    ordered = sorted(
        found.sweeps, key=lambda sweep: not any(each.size for each in sweep.crossovers)
    )
    for part, sweep in enumerate(ordered):
        for shown, view in _shown(sweep, looks):
            views.add(part, (*sweep_place(sweep), shown), view)
    return views


def sweep_place(sweep: Sweep) -> tuple[str, ...]:
    """The setting of all switches but the last, of the views of this sweep."""
    return (
        sweep.family,
        machine_name(sweep.machine, sweep.source),
        state_name(sweep.commit, sweep.when),
        sweep.dtype or "not stated",
        "not stated" if sweep.threads is None else str(sweep.threads),
    )


def _shown(sweep: Sweep, looks: plot.Looks) -> list[tuple[str, View]]:
    views = [
        (ITERATION, _times(sweep, sweep.curves, sweep.crossovers, 1, looks, ITERATION)),
        (WHOLE, _times(sweep, sweep.curves, sweep.crossovers, ITERATIONS, looks, WHOLE)),
    ]
    if sweep.cold:
        cold = _times(sweep, sweep.cold, sweep.cold_crossovers, ITERATIONS, looks, COLD)
        views.append((COLD, cold))
    views += [
        (f"ratio of {found.challenger} to {found.incumbent}", _ratio(sweep, found, spots, looks))
        for found, spots in zip(sweep.crossovers, sweep.ratios, strict=True)
        if spots
    ]
    return views


def _times(
    sweep: Sweep,
    curves: Sequence[Curve],
    crossovers: Sequence[Crossover],
    times: int,
    looks: plot.Looks,
    shown: str,
) -> View:
    axis = family_axis(sweep.family)
    measured = [curve for curve in curves if curve.spots]
    return View(
        title=f"{sweep.family}: {shown}",
        lines=_lines(sweep, curves, crossovers),
        figures=[_figure(measured, crossovers, times, looks, axis, shown)] if measured else [],
        tables=[
            table(PageTable(CROSSOVER_COLUMNS, crossover_cells(crossovers), "Who is faster")),
            _values(curves, times, axis, shown),
        ],
    )


def _lines(sweep: Sweep, curves: Sequence[Curve], crossovers: Sequence[Crossover]) -> list[str]:
    absent = missing(crossovers)
    absent += [
        reason
        for curve in curves
        if not curve.spots and (reason := f"{curve.backend}: {curve.reason}") not in absent
    ]
    told = [f"Not measured: {reason}." for reason in absent]
    told += [
        f"{curve.backend}, at some sizes: {curve.reason}."
        for curve in curves
        if curve.spots and curve.reason
    ]
    if all(spot.processes == 1 for curve in curves for spot in curve.spots):
        told.append(
            "One process for each value, so there are no intervals, and no winner that is sure."
        )
    if sweep.source == "asv":
        told.append(
            f"Of asv's commits the newest {COMMITS} are here; the page of history has them all."
        )
    return told


def _figure(
    curves: Sequence[Curve],
    crossovers: Sequence[Crossover],
    times: int,
    looks: plot.Looks,
    axis: str,
    shown: str,
) -> ViewFigure:
    traces: list[Trace] = []
    values: list[float] = []
    ends: list[float] = []
    sizes = [spot.size for curve in curves for spot in curve.spots]
    for curve in curves:
        scaled = [_scaled(spot.value, times) for spot in curve.spots]
        values += [each.estimate for each in scaled]
        ends += [end for each in scaled for end in each_end(each)]
        told = [
            f"{curve.backend}, {axis} {spot.size:,}: {_duration(value)}; {spot.processes} processes"
            for spot, value in zip(curve.spots, scaled, strict=True)
        ]
        where = [spot.size for spot in curve.spots]
        traces += plot.curve(curve.backend, looks[curve.backend], where, scaled, told)
    shapes, labels = _marks(crossovers)
    answers = "; ".join(
        f"{each.incumbent} to {each.challenger}: {sentence(each)}"
        for each in crossovers
        if each.status != "not measured"
    )
    return ViewFigure(
        alt=f"{shown} of {', '.join(curve.backend for curve in curves)} over {axis}, both axes "
        f"logarithmic. {answers}",
        caption="Lower is faster. Bands are 95 % intervals over fresh processes; a dotted line "
        "marks a change of winner, grey its interval.",
        height=460,
        data=traces,
        layout={
            "xaxis": plot.log_axis(sizes, size_tick, 2, axis),
            "yaxis": plot.log_axis(plot.within(values, ends), tick, 10, shown),
            "shapes": shapes,
            "annotations": labels,
        },
    )


def _marks(crossovers: Sequence[Crossover]) -> tuple[list[Trace], list[Trace]]:
    shapes, labels = [], []
    crossing = [each for each in crossovers if each.crossings]
    for place, found in enumerate(crossing):
        for change in found.crossings:
            winner = getattr(found, change.direction)
            text = f"{winner} from {digits(change.size, 2)} on"
            shape, label = plot.vertical(change.size, text, place)
            shapes.append(shape)
            if len(crossing) <= _LABELLED:
                labels.append(label)
        if found.low is not None and found.high is not None:
            shapes.append(plot.stripe(found.low, found.high, "x", "--ink/0.1"))
    return shapes, labels


def _values(curves: Sequence[Curve], times: int, axis: str, shown: str) -> ViewTable:
    """Sizes down, backends across."""
    sizes = sorted({spot.size for curve in curves for spot in curve.spots})
    by_place = {
        (curve.backend, spot.size): _scaled(spot.value, times)
        for curve in curves
        for spot in curve.spots
    }
    columns = (f"{axis}>", *(f"{curve.backend}>" for curve in curves))
    rows = [
        (
            f"{size:,}",
            *(
                _duration(by_place[curve.backend, size])
                if (curve.backend, size) in by_place
                else "not measured"
                for curve in curves
            ),
        )
        for size in sizes
    ]
    return table(PageTable(columns, rows, f"{shown} [95 % interval]"))


def _ratio(sweep: Sweep, found: Crossover, spots: Sequence[CurvePoint], looks: plot.Looks) -> View:
    axis = family_axis(sweep.family)
    title = f"{sweep.family}: time of {found.challenger} over {found.incumbent}"
    told = [
        f"{axis} {spot.size:,}: {interval_of(spot.value)} ×; {spot.processes} processes"
        for spot in spots
    ]
    values = [spot.value for spot in spots]
    traces = plot.curve(
        f"{found.challenger} / {found.incumbent}",
        looks[found.challenger],
        [spot.size for spot in spots],
        values,
        told,
    )
    known = [end for each in values for end in each_end(each)]
    ends = [*plot.within([each.estimate for each in values], known), 1 / _TIE, _TIE]
    shapes, labels = _marks([found])
    level = plot.stripe(1 / _TIE, _TIE, "y", "--ink/0.12")
    shapes = [level, *shapes, *(plot.stripe(*each, "x", "--warn/0.5") for each in found.unsure)]
    figure = ViewFigure(
        alt=f"Ratio of times over {axis}, both axes logarithmic: above 1 {found.incumbent} is "
        f"faster, below 1 {found.challenger}. {sentence(found)}",
        caption=f"Above 1 {found.incumbent} is faster, below it {found.challenger}; within the "
        "grey ±5 % nobody should care. Bands are 95 % intervals; yellow: the winner is not sure.",
        height=420,
        data=traces,
        layout={
            "xaxis": plot.log_axis([spot.size for spot in spots], size_tick, 2, axis),
            "yaxis": _ratio_axis(ends, found),
            "shapes": shapes,
            "annotations": labels,
            "showlegend": False,
        },
    )
    columns = (f"{axis}>", "ratio [95 % interval]>", "processes>")
    rows = [(f"{spot.size:,}", interval_of(spot.value), str(spot.processes)) for spot in spots]
    answers = PageTable(CROSSOVER_COLUMNS, crossover_cells([found]), "Who is faster")
    return View(
        title=title,
        lines=_lines(sweep, sweep.curves, [found]),
        figures=[figure],
        tables=[table(answers), table(PageTable(columns, rows, title))],
    )


def _ratio_axis(ends: Sequence[float], found: Crossover) -> Trace:
    axis = plot.log_axis(
        ends,
        lambda value: f"{value:g} ×",
        10,
        f"time of {found.challenger} over {found.incumbent}",
    )
    low, high = 10 ** axis["range"][0], 10 ** axis["range"][1]
    ticks = [
        step * 10.0**power for power in range(-9, 10) for step in (1, 2, 5)
    ]  # decades alone are too few for a ratio near 1
    ticks = [value for value in ticks if low <= value <= high]
    if len(ticks) <= 12:
        axis |= {"tickvals": ticks, "ticktext": [f"{value:g} ×" for value in ticks]}
    return axis


def _scaled(value: Interval, times: int) -> Interval:
    return Interval(
        value.estimate * times,
        None if value.low is None else value.low * times,
        None if value.high is None else value.high * times,
    )


def each_end(value: Interval) -> list[float]:
    """The estimate and those ends that are known."""
    return [end for end in (value.low, value.estimate, value.high) if end is not None]


def interval_of(value: Interval) -> str:
    """An interval without a unit."""
    return interval(value.estimate, value.low, value.high)


def _duration(value: Interval) -> str:
    return duration_interval(value.estimate, value.low, value.high)
