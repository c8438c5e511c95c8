"""Build the figures of each sweep, with the tables below them, as parts of an answer.

A part shows one quantity of a sweep: times per iteration, times of a whole training from a cold
start, or the ratio of a pair. The sweep's `scope` and the quantity are the switches of its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp

from msgspec.structs import astuple, replace

from perceptron.answer import Answer, Figure, Note, Setting, Table, Verdict
from perceptron.figure import Line, LineFigure, Mark, Stretch, log_axis, size_text, within
from perceptron.figure import Note as CornerNote
from perceptron.numbers import Quantity, count, digits, duration, duration_interval, interval, tick
from perceptron.questions.crossover.amortise import amortisation_tables
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.not_measured import missing
from perceptron.questions.crossover.sweep import Curve, CurvePoint, Sweep
from perceptron.questions.crossover.verdict import (
    axis_of,
    disagreed_ends,
    has_turns,
    is_measured,
    sentence,
    verdicts,
)
from perceptron.questions.overhead.device_share import busy_cell
from perceptron.questions.shared.training import training_name
from perceptron.records.comparison_key import ComparisonKey, comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, with_contended
from perceptron.statistics.gpu_use import state_line
from perceptron.statistics.interval import TIE
from perceptron.statistics.sizes import sized
from perceptron.statistics.throughput import Epoch

ITERATION = "time per iteration"
OF_ONE_MODEL = "time per iteration and model"
# For problems that are not trainings.
_TIME = "time"
# Crossovers that a figure has room to label; the table has them all.
_LABELLED = 4


def of_sweeps(
    sweeps: Iterable[Sweep], verdicts: Sequence[Verdict], question: str, is_alone: bool = False
) -> Answer:
    """Return an answer of all sweeps with their verdicts; a sweep alone has a single switch."""
    notes, tables, figures = [], [], []
    for sweep in sweeps:
        sweep_part = () if is_alone else scope(sweep.family, sweep.comparison_key)
        notes += [
            Note(line, sweep_part)
            for line in (*(_missing(sweep) if is_alone else ()), *_lines(sweep))
        ]
        for its_tables, figure in _views(sweep, sweep_part):
            tables += its_tables
            figures.append(figure)
    return Answer(
        question=question,
        query=(),
        verdicts=tuple(verdicts),
        notes=tuple(notes),
        tables=tuple(tables),
        figures=tuple(figures),
    )


def scope(family: str, ground: ComparisonKey) -> Setting:
    """Return the values of the switches that tell the sweeps of a run apart, for one sweep."""
    return (
        ("Family", family),
        ("dtype", ground.dtype or "not stated"),
        ("Threads", "not stated" if ground.threads is None else str(ground.threads)),
        ("Training", training_name(ground)),
    )


def of_pairs(
    crossovers: Iterable[Crossover], rows: Iterable[Measurement] = ()
) -> tuple[Verdict, ...]:
    """Return a verdict for each measured pair, shown with its times and their ratio."""
    measured = list(filter(is_measured, crossovers))
    return tuple(
        _shown(crossover, verdict, (ITERATION, OF_ONE_MODEL, _TIME, _ratio_of(crossover)))
        for crossover, verdict in zip(measured, verdicts(measured, rows), strict=True)
    )


def of_cold_pairs(crossovers: Iterable[Crossover], iterations: int) -> tuple[Verdict, ...]:
    """Return a verdict for each measured pair, with the setup spread over ``iterations``."""
    measured = list(filter(is_measured, crossovers))
    start = f"cold start, shared out over {count(iterations)} iterations"
    return tuple(
        replace(
            _shown(crossover, verdict, _from_cold(iterations)),
            heading=f"{start}; {verdict.heading}",
            is_aside=True,
        )
        for crossover, verdict in zip(measured, verdicts(measured), strict=True)
    )


def _shown(crossover: Crossover, verdict: Verdict, values: str | tuple[str, ...]) -> Verdict:
    return replace(
        verdict, part=(*scope(crossover.family, comparison_key(crossover)), ("Shown", values))
    )


def of_sweep(sweep: Sweep) -> Answer:
    """Return the answer of one sweep with its verdicts, for a page of sweeps."""
    warm, cold = sweep.crossovers, sweep.cold_crossovers
    warm_and_cold = (*of_pairs(warm), *of_cold_pairs(cold, sweep.iterations))
    return of_sweeps([sweep], warm_and_cold, sweep.family, is_alone=True)


def _from_cold(iterations: int) -> str:
    return f"cold start, {iterations:,} iterations"


def _ratio_of(pair: Crossover) -> str:
    return f"ratio of {pair.challenger} to {pair.incumbent}"


def _views(sweep: Sweep, sweep_part: Setting) -> Iterator[tuple[list[Table], Figure]]:
    """Yield the tables and the figure of each quantity of a sweep."""
    axis, curves, crossovers = sweep.axis, sweep.curves, sweep.crossovers

    def view(
        shown: str, drawing: LineFigure | None, tables: Sequence[Table], title: str = ""
    ) -> tuple[list[Table], Figure]:
        # Ratios are of all runs together, times of the newest.
        is_newest = not title and any(crossover.sessions for crossover in sweep.crossovers)
        of = f"{sweep.family}, newest run" if is_newest else sweep.family
        part, title = (*sweep_part, ("Shown", shown)), title or f"{sweep.family}: {shown}"
        titled = [replace(table, title=f"{of}: {table.title}", part=part) for table in tables]
        return titled, Figure(title=title, drawing=drawing, part=part)

    shown = ITERATION if sweep.per_iteration else _TIME
    beside = (
        _grid(
            "Rows trained on per second, time of an epoch",
            axis,
            curves,
            lambda at: throughput(at.epoch, at.value.estimate, True) if at.epoch else None,
        ),
        _grid(
            "Device busy ÷ wall [95% interval], launch-bound below a half",
            axis,
            [curve for curve in curves if any(spot.busy for spot in curve.spots)],
            lambda at: busy_cell(at.busy) if at.busy else None,
        ),
    )
    tables = [_times_table(curves, axis, shown), *(table for table in beside if table.rows)]
    figure = sweep_figure(curves, crossovers, axis, shown)
    yield view(shown, figure, tables)
    if sweep.per_iteration and (of_one := sweep.of_one_model):
        figure = sweep_figure(of_one, crossovers, axis, OF_ONE_MODEL)
        yield view(OF_ONE_MODEL, figure, [_times_table(of_one, axis, OF_ONE_MODEL)])
    if sweep.per_iteration and (cold := sweep.cold):
        shown = _from_cold(sweep.iterations)
        figure = sweep_figure(cold, sweep.cold_crossovers, axis, shown)
        tables = [_times_table(cold, axis, shown), *amortisation_tables(sweep.amortisations)]
        yield view(shown, figure, tables)
    for crossover in crossovers:
        if crossover.ratio_at:
            title = f"time of {crossover.challenger} over {crossover.incumbent}"
            drawing, table = ratio_figure(crossover, axis), _ratio_table(crossover, title)
            yield view(_ratio_of(crossover), drawing, [table], f"{sweep.family}: {title}")


def _missing(sweep: Sweep) -> list[str]:
    absent = missing(sweep.crossovers)
    absent += [
        reason
        for curve in sweep.curves
        if not curve.spots and (reason := f"{curve.backend}: {curve.reason}") not in absent
    ]
    return [f"Not measured: {reason}." for reason in absent]


def _lines(sweep: Sweep) -> list[str]:
    """Return the notes that hold for all figures and tables of a sweep."""
    curves = sweep.curves
    lines = [
        f"{curve.backend}, at some sizes: {curve.reason}."
        for curve in curves
        if curve.spots and curve.reason
    ]
    if all(spot.repeats == 1 for curve in curves for spot in curve.spots):
        stated = any(spot.value.low or spot.value.high for curve in curves for spot in curve.spots)
        kind = (
            "the intervals are the 99% that its file states" if stated else "there is no interval"
        )
        lines.append(f"One repeat for each value: {kind}; another repeat may differ.")
    lines += map(state_line, sweep.gpus)
    if sweep.source == "asv":
        lines.append("Of asv's commits the newest is here; asv's own pages have all of them.")
    return lines


def _times_table(curves: Sequence[Curve], axis: str, shown: str) -> Table:
    spots = [spot for curve in curves for spot in curve.spots]
    kind = _kind_of_interval((spot.repeats, spot.value.low) for spot in spots)
    table = _grid(
        f"{shown} [{kind}]",
        axis,
        curves,
        lambda at: Quantity(at.value.estimate, "s", at.value.ends),
        "not measured",
    )
    by_size = grouped(spots, lambda spot: spot.size)
    contentions = [
        sum((spot.contention for spot in by_size[size]), start=Contention())
        for size in sorted(by_size)
    ]
    return with_contended(table, contentions)


def _grid(
    title: str,
    axis: str,
    curves: Sequence[Curve],
    cell: Callable[[CurvePoint], Quantity | None],
    nothing: str | None = None,
) -> Table:
    """Return a table of ``cell`` of each time, sizes down and backends across.

    It has no rows if every cell is None; ``nothing`` fills single missing cells.
    """
    cells = {
        (curve.backend, spot.size): value
        for curve in curves
        for spot in curve.spots
        if (value := cell(spot)) is not None
    }
    return Table(
        title=title,
        columns=(f"{axis}>", *(f"{curve.backend}>" for curve in curves)),
        rows=tuple(
            (size, *(cells.get((curve.backend, size), nothing) for curve in curves))
            for size in sorted({size for _, size in cells})
        ),
        is_scale=True,
    )


def throughput(epoch: Epoch, seconds: float, with_epoch: bool = False) -> Quantity:
    """Return the rows per second of a time per iteration, optionally with the time of an epoch."""
    after = f", {duration(epoch.seconds(seconds))}" if with_epoch else ""
    return Quantity(epoch.rows_per_second(seconds), "rows/s", after=after)


def _ratio_table(crossover: Crossover, title: str) -> Table:
    kind = _kind_of_interval((at.repeats, at.low) for at in crossover.ratio_at)
    return Table(
        title=title,
        columns=(f"{axis_of(crossover)}>", f"ratio [{kind}]>", "repeats>"),
        rows=tuple(
            (at.size, Quantity(at.ratio, "", (at.low, at.high)), at.repeats)
            for at in crossover.ratio_at
        ),
        is_scale=True,
    )


def _kind_of_interval(values: Iterable[tuple[int, float | None]]) -> str:
    """Return the name of the kind of interval of ``values``: pairs of repeats and lower end."""
    stated = any(repeats == 1 and low is not None for repeats, low in values)
    return "95% interval; of one repeat the 99% stated" if stated else "95% interval"


# --- the figures: times over sizes with their bands, and the ratio of each pair -------------------


def sweep_figure(
    curves: Sequence[Curve],
    crossovers: Sequence[Crossover],
    axis: str,
    shown: str = ITERATION,
) -> LineFigure | None:
    """Return the figure of times over sizes; None without any time.

    ``axis`` and ``shown`` are the titles of the axes.
    """
    measured = [curve for curve in curves if curve.spots]
    if not measured:
        return None
    lines = [curve_line(curve, axis) for curve in measured]
    marks, stretches = crossings(crossovers)
    undecided = _undecided([crossover for crossover in crossovers if is_measured(crossover)])
    answers = "; ".join(sentence(crossover) for crossover in crossovers if is_measured(crossover))
    return LineFigure(
        alt=f"{shown} of {', '.join(curve.backend for curve in measured)} over {axis}, both axes "
        f"logarithmic. {answers}",
        caption=f"Lower is faster. {bands(measured)}; a dotted line marks a change of winner, "
        f"grey its interval{'; yellow: undecided' if undecided else ''}.",
        height=460,
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(lines), tick, 10, shown),
        lines=tuple(lines),
        marks=tuple(marks),
        stretches=(*undecided, *stretches),
    )


def _undecided(crossovers: Sequence[Crossover]) -> list[Stretch]:
    """Return the undecided stretches of the only pair; with several, each ratio figure has them."""
    if len(crossovers) != 1:
        return []
    return [Stretch("x", low, high, "undecided") for low, high in crossovers[0].undecided_ranges]


def bands(curves: Sequence[Curve]) -> str:
    """Return a clause on the intervals that the bands around the curves show."""
    spots = [spot for curve in curves for spot in curve.spots]
    if all(spot.value.low is None for spot in spots):
        return "Single values have no interval"
    if all(spot.repeats == 1 for spot in spots):
        return "Bands are the 99% intervals that the files state"
    return "Bands are 95% intervals over repeats"


def crossings(crossovers: Sequence[Crossover], lowest: int = 0) -> tuple[list[Mark], list[Stretch]]:
    """Return a mark for each decided change of winner, and the interval of each crossover.

    The first label is at level ``lowest``, each further crossover a level higher.
    """
    marks: list[Mark] = []
    stretches: list[Stretch] = []
    crossing = [crossover for crossover in crossovers if has_turns(crossover)]
    for level, crossover in enumerate(crossing, lowest):
        axis = axis_of(crossover)
        ends = disagreed_ends(crossover, axis)
        for change in crossover.crossings:
            winner = getattr(crossover, change.direction)
            label = f"{winner} from {sized(digits(change.size), axis)}"
            if ends is not None:
                label = f"{winner} overtakes between {ends}"
            marks.append(Mark(change.size, label if len(crossing) <= _LABELLED else "", level))
        if crossover.low is not None and crossover.high is not None:
            stretches.append(Stretch("x", crossover.low, crossover.high, "interval"))
    return marks, stretches


def curve_line(
    curve: Curve, axis: str, label: str | None = None, machine: int | None = None
) -> Line:
    """Return the line of a curve, named after its backend unless there is a ``label``.

    ``machine`` is its index among the machines, in a figure with a line for each machine.
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
            f"{name}, {axis} {spot.size:,}: {duration_interval(*astuple(spot.value))}; "
            f"{spot.repeats} repeats"
            for spot in curve.spots
        ),
        machine=machine,
    )


# There is room for more ticks up an axis than along one.
_TICKS = 12


def ratio_figure(crossover: Crossover, axis: str) -> LineFigure:
    """Return the figure of the challenger's time over the incumbent's at every size.

    There must be a size. Above 1 the incumbent is faster, below it the challenger.
    """
    incumbent, challenger = crossover.incumbent, crossover.challenger
    line = _ratio_line(crossover, axis)
    marks, stretches = crossings([crossover], lowest=1)  # a note stands below
    kind = "Bands are the intervals that decide, 95% for all sizes together"
    if all(at.repeats == 1 for at in crossover.ratio_at):
        kind = "Bands follow from the 99% intervals in the files"
    # The name of the faster backend stands where the curve does not.
    rises = crossover.status == "reverses"
    return LineFigure(
        alt=f"Ratio of times over {axis}, both axes logarithmic: above 1 {incumbent} is "
        f"faster, below 1 {challenger}. {sentence(crossover)}",
        caption=f"Above 1 {incumbent} is faster, below it {challenger}; grey: a tie within ±5%. "
        f"{kind}; yellow: undecided.",
        height=420,
        x=log_axis(line.x, size_text, 2, axis),
        y=log_axis(
            [*within([line]), 1 / 1.25, 1.25],
            lambda value: f"{value:g} ×",
            10,
            f"time of {challenger} over {incumbent}",
            _TICKS,
        ),
        lines=(line,),
        marks=tuple(marks),
        stretches=(Stretch("y", exp(-TIE), exp(TIE), "tie"), *_undecided([crossover]), *stretches),
        notes=(
            CornerNote(f"{incumbent} is faster", incumbent, top=True, right=not rises),
            CornerNote(f"{challenger} is faster", challenger, top=False, right=rises),
        ),
        legend=False,
    )


def _ratio_line(crossover: Crossover, axis: str) -> Line:
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
