"""The figure of a sweep: times over sizes with their bands, and where the winner changes."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.judge import Crossover, is_line
from perceptron.analysis.interval import scaled
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.sweep import Curve, CurvePoint, Sweep, sweeps
from perceptron.analysis.what_if.estimate import DeviceEstimate
from perceptron.figure import Line, LineFigure, Mark, Stretch, log_axis, size_text, within
from perceptron.numbers import digits, duration, duration_interval, rows_per_second, tick
from perceptron.records.ground import ground
from perceptron.report.crossover_words import axis_of, in_short, is_measured
from perceptron.report.size_axis import at_size, size_axis

ITERATION = "time per iteration"
OF_ONE_MODEL = "time per iteration and model"
# Crossovers that a figure has room to label; the table has them all.
_LABELLED = 4


def sweep_figure(
    curves: Sequence[Curve],
    crossovers: Sequence[Crossover],
    axis: str,
    shown: str = ITERATION,
    times: int = 1,
    estimates: Sequence[Sequence[DeviceEstimate]] = (),
) -> LineFigure | None:
    """Return times over sizes, ``times`` those of one iteration; None where nothing has a time.

    ``axis`` and ``shown`` are the titles of the axes. Estimates are lines of their own.
    """
    measured = [curve for curve in curves if curve.spots]
    if not measured:
        return None
    lines = [curve_line(curve, axis, times) for curve in measured]
    lines += [_estimated(line, times) for line in estimates if line]
    values = [value for line in lines for value in line.y]
    ends = [end for line in lines for end in (*line.low, *line.y, *line.high) if end is not None]
    marks, stretches = crossings(crossovers)
    return LineFigure(
        alt=f"{shown} of {', '.join(curve.backend for curve in measured)} over {axis}, both axes "
        f"logarithmic. {_answers(crossovers)}",
        caption=f"Lower is faster. {bands(measured)}; a dotted line marks a change of winner, "
        "grey its interval.",
        height=460,
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(values, ends), tick, 10, shown),
        lines=tuple(lines),
        marks=tuple(marks),
        stretches=tuple(stretches),
    )


def bands(curves: Sequence[Curve]) -> str:
    """Say what the bands around the curves are."""
    spots = [spot for curve in curves for spot in curve.spots]
    if all(spot.value.low is None for spot in spots):
        return "Single values have no interval"
    if all(spot.processes == 1 for spot in spots):
        return "Bands are the 99 % intervals that the files state"
    return "Bands are 95 % intervals over fresh processes"


def family_figure(bench: BenchResult, family: str) -> LineFigure | None:
    """Return the sweep of a family of a run; None for one along two axes or without any time.

    One number of threads to a figure, the fewest; the table has them all.
    """
    threads = bench.threads[0]
    rows = [row for row in bench.rows if row.family == family and row.all_threads == threads]
    judged: list[Sweep] = sweeps(rows) if is_line(rows) else []
    if not judged:
        return None
    drawn = ground(judged[0])
    crossovers = [
        crossover
        for crossover in bench.crossovers
        if crossover.family == family and ground(crossover) == drawn
    ]
    return sweep_figure(judged[0].curves, crossovers, size_axis(family, judged[0].axis))


def crossings(crossovers: Sequence[Crossover], lowest: int = 0) -> tuple[list[Mark], list[Stretch]]:
    """Return a mark for each change of winner, and the interval of each crossover.

    Labels stand from the level ``lowest`` up.
    """
    marks: list[Mark] = []
    stretches: list[Stretch] = []
    crossing = [crossover for crossover in crossovers if crossover.crossings]
    for level, crossover in enumerate(crossing, lowest):
        for change in crossover.crossings:
            winner = getattr(crossover, change.direction)
            label = f"{winner} from {at_size(digits(change.size), axis_of(crossover))} up"
            marks.append(Mark(change.size, label if len(crossing) <= _LABELLED else "", level))
        if crossover.low is not None and crossover.high is not None:
            stretches.append(Stretch("x", crossover.low, crossover.high, "interval"))
    return marks, stretches


def rate_words(spot: CurvePoint) -> str:
    """Return ``; 533 k rows/s, 30.7 ms per epoch; 2.10 µs per model``.

    What is not trained in batches has no epoch, and one model no time of each.
    """
    seconds, words = spot.value.estimate, ""
    if spot.epoch is not None:
        rate = rows_per_second(spot.epoch.rows_per_second(seconds))
        words += f"; {rate}, {duration(spot.epoch.seconds(seconds))} per epoch"
    if spot.models > 1:
        words += f"; {duration(seconds / spot.models)} per model"
    return words


def curve_line(
    curve: Curve, axis: str, times: int, label: str | None = None, machine: int | None = None
) -> Line:
    """Return the line of a curve, called after its backend unless it has a ``label``.

    ``machine`` is its place among the machines of the figure, where it is drawn as one.
    """
    name = curve.backend if label is None else label
    values = [scaled(spot.value, times) for spot in curve.spots]
    return Line(
        backend=curve.backend,
        label=name,
        x=tuple(spot.size for spot in curve.spots),
        y=tuple(value.estimate for value in values),
        low=tuple(value.low for value in values),
        high=tuple(value.high for value in values),
        texts=tuple(
            f"{name}, {axis} {spot.size:,}: "
            f"{duration_interval(value.estimate, value.low, value.high)}; "
            f"{spot.processes} processes{rate_words(spot)}"
            for spot, value in zip(curve.spots, values, strict=True)
        ),
        machine=machine,
    )


def _estimated(line: Sequence[DeviceEstimate], times: int) -> Line:
    name = f"{line[0].backend} on {line[0].device}, ESTIMATED"
    return Line(
        backend=line[0].backend,
        label=name,
        x=tuple(estimate.size for estimate in line),
        y=tuple(estimate.seconds * times for estimate in line),
        low=tuple(estimate.low * times for estimate in line),
        high=tuple(estimate.high * times for estimate in line),
        texts=tuple(
            f"{name}: {duration(estimate.seconds * times)}, "
            f"{duration(estimate.low * times)} at best, {duration(estimate.high * times)} at worst"
            for estimate in line
        ),
        estimated=True,
    )


def _answers(crossovers: Sequence[Crossover]) -> str:
    return "; ".join(
        f"{crossover.incumbent} to {crossover.challenger}: {in_short(crossover)}"
        for crossover in crossovers
        if is_measured(crossover)
    )
