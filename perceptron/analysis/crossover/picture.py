"""The figures of a sweep: times over sizes with their bands, and the ratio of each pair."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.sweep import Curve
from perceptron.analysis.crossover.words import axis_of, has_turns, is_measured, sentence
from perceptron.analysis.sizes import sized
from perceptron.analysis.what_if.estimate import DeviceEstimate
from perceptron.figure import Line, LineFigure, Mark, Note, Stretch, log_axis, size_text, within
from perceptron.numbers import digits, duration, duration_interval, interval, tick

ITERATION = "time per iteration"
OF_ONE_MODEL = "time per iteration and model"
# Crossovers that a figure has room to label; the table has them all.
_LABELLED = 4


def sweep_figure(
    curves: Sequence[Curve],
    crossovers: Sequence[Crossover],
    axis: str,
    shown: str = ITERATION,
    estimates: Sequence[Sequence[DeviceEstimate]] = (),
) -> LineFigure | None:
    """Return times over sizes; None where nothing has a time.

    ``axis`` and ``shown`` are the titles of the axes. Estimates are lines of their own.
    """
    measured = [curve for curve in curves if curve.spots]
    if not measured:
        return None
    lines = [curve_line(curve, axis) for curve in measured]
    lines += [_estimated(line) for line in estimates if line]
    values = [value for line in lines for value in line.y]
    ends = [end for line in lines for end in (*line.low, *line.y, *line.high) if end is not None]
    marks, stretches = crossings(crossovers)
    answers = "; ".join(sentence(one) for one in crossovers if is_measured(one))
    return LineFigure(
        alt=f"{shown} of {', '.join(curve.backend for curve in measured)} over {axis}, both axes "
        f"logarithmic. {answers}",
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
    if all(spot.repeats == 1 for spot in spots):
        return "Bands are the 99% intervals that the files state"
    return "Bands are 95% intervals over repeats"


def crossings(crossovers: Sequence[Crossover], lowest: int = 0) -> tuple[list[Mark], list[Stretch]]:
    """Return a mark for each change of winner that is decided, and the interval of each crossover.

    Labels stand from the level ``lowest`` up.
    """
    marks: list[Mark] = []
    stretches: list[Stretch] = []
    crossing = [crossover for crossover in crossovers if has_turns(crossover)]
    for level, crossover in enumerate(crossing, lowest):
        for change in crossover.crossings:
            winner = getattr(crossover, change.direction)
            label = f"{winner} from {sized(digits(change.size), axis_of(crossover))}"
            marks.append(Mark(change.size, label if len(crossing) <= _LABELLED else "", level))
        if crossover.low is not None and crossover.high is not None:
            stretches.append(Stretch("x", crossover.low, crossover.high, "interval"))
    return marks, stretches


def curve_line(
    curve: Curve, axis: str, label: str | None = None, machine: int | None = None
) -> Line:
    """Return the line of a curve, called after its backend unless it has a ``label``.

    ``machine`` is its place among the machines of the figure, where it is drawn as one.
    """
    name = curve.backend if label is None else label
    values = [spot.value for spot in curve.spots]
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
            f"{spot.repeats} repeats"
            for spot, value in zip(curve.spots, values, strict=True)
        ),
        machine=machine,
    )


def _estimated(line: Sequence[DeviceEstimate]) -> Line:
    name = f"{line[0].backend} on {line[0].device}, ESTIMATED"
    return Line(
        backend=line[0].backend,
        label=name,
        x=tuple(estimate.size for estimate in line),
        y=tuple(estimate.seconds for estimate in line),
        low=tuple(estimate.low for estimate in line),
        high=tuple(estimate.high for estimate in line),
        texts=tuple(
            f"{name}: {duration(estimate.seconds)}, "
            f"{duration(estimate.low)} at best, {duration(estimate.high)} at worst"
            for estimate in line
        ),
        estimated=True,
    )


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
    undecided = [Stretch("x", low, high, "undecided") for low, high in crossover.undecided]
    bands = "Bands are the intervals that decide, 95% for all sizes together"
    if all(at.repeats == 1 for at in crossover.ratio_at):
        bands = "Bands follow from the 99% intervals in the files"
    # The name of the faster backend stands where the curve does not.
    rises = crossover.status == "reverses"
    return LineFigure(
        alt=f"Ratio of times over {axis}, both axes logarithmic: above 1 {incumbent} is "
        f"faster, below 1 {challenger}. {sentence(crossover)}",
        caption=f"Above 1 {incumbent} is faster, below it {challenger}; grey: a tie within ±5%. "
        f"{bands}; yellow: undecided.",
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
        stretches=(Stretch("y", 1 / _TIE, _TIE, "tie"), *stretches, *undecided),
        notes=(
            Note(f"{incumbent} is faster", incumbent, top=True, right=not rises),
            Note(f"{challenger} is faster", challenger, top=False, right=rises),
        ),
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
            f"{axis} {at.size:,}: {interval(at.ratio, at.low, at.high)} ×; {at.repeats} repeats"
            for at in ratios
        ),
    )
