"""Sweeps as parts of an answer: for each its figures, and the tables below them.

A part shows one sweep in one way: times per iteration, those of a whole training from a cold start,
or the ratio of a pair. `where` and the way are the switches of its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from perceptron.analysis.contention import Contention, with_contended
from perceptron.analysis.crossover.amortise import Amortisation
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.picture import (
    ITERATION,
    OF_ONE_MODEL,
    ratio_figure,
    sweep_figure,
)
from perceptron.analysis.crossover.rates import epoch_cells
from perceptron.analysis.crossover.sweep import Curve, CurvePoint, Sweep
from perceptron.analysis.crossover.words import axis_of, missing, verdicts
from perceptron.analysis.device_share import busy_cell
from perceptron.analysis.gpu_use import state_line
from perceptron.analysis.interval import Interval
from perceptron.analysis.training import training_name
from perceptron.analysis.what_if.estimate import WhatIf, estimate_tables
from perceptron.answer import Answer, Figure, Note, Setting, Table
from perceptron.figure import LineFigure
from perceptron.grouping import grouped
from perceptron.numbers import NONE, count, duration_interval, interval
from perceptron.records.ground import ground

AMORTISED = "After how many iterations the faster one has made up for its setup"
AMORTISATION_COLUMNS = (
    "family",
    "size>",
    "faster",
    "per iteration",
    "setup",
    "slower",
    "per iteration",
    "setup",
    "ahead from iteration>",
)
# Sizes that a table of amortisations shows of each pair.
_SIZES = 7


def told(sweeps: Iterable[Sweep], estimates: Sequence[WhatIf] = ()) -> Answer:
    """Return all sweeps of a run; ``estimates`` of a device stand with their family."""
    return _together("", [of_sweep(sweep, where(sweep), estimates) for sweep in sweeps])


def _together(question: str, parts: Sequence[Answer]) -> Answer:
    return Answer(
        question=question,
        asked=(),
        verdicts=tuple(one for part in parts for one in part.verdicts),
        notes=tuple(note for part in parts for note in part.notes),
        tables=tuple(table for part in parts for table in part.tables),
        figures=tuple(figure for part in parts for figure in part.figures),
    )


def where(sweep: Sweep) -> Setting:
    """Return the switches that tell the sweeps of a run apart, as they stand for this one."""
    threads = sweep.ground.threads
    return (
        ("Family", sweep.family),
        ("dtype", sweep.ground.dtype or "not stated"),
        ("Threads", "not stated" if threads is None else str(threads)),
        ("Training", training_name(sweep.ground)),
    )


def of_sweep(sweep: Sweep, place: Setting, estimates: Sequence[WhatIf] = ()) -> Answer:
    """Return one sweep, its switches standing at ``place``, for a page."""
    own = [guess for guess in estimates if guess.family == sweep.family]
    return _together(sweep.family, list(_views(sweep, place, own)))


def _views(sweep: Sweep, place: Setting, estimates: Sequence[WhatIf]) -> Iterator[Answer]:
    """Yield one way of showing a sweep after the other."""
    axis, curves, crossovers = sweep.axis, sweep.curves, sweep.crossovers
    lines = _lines(sweep)

    def view(
        shown: str,
        figure: LineFigure | None,
        tables: Sequence[Table],
        crossovers: Sequence[Crossover],
        title: str = "",
    ) -> Answer:
        part = (*place, ("Shown", shown))
        title = title or f"{sweep.family}: {shown}"
        return Answer(
            question=sweep.family,
            asked=(),
            verdicts=tuple(replace(one, part=part, on="page") for one in verdicts(crossovers)),
            notes=tuple(Note(line, "page", part) for line in lines),
            tables=tuple(replace(table, part=part, on="page") for table in tables),
            figures=(Figure(title=title, drawing=figure, part=part),),
        )

    shown = ITERATION if sweep.per_iteration else "time"
    of_device = {guess.challenger: guess.estimates for guess in estimates}
    beside = (
        _grid(
            "Rows trained on per second, time of an epoch",
            axis,
            curves,
            lambda at: ", ".join(epoch_cells(at.epoch, at.value.estimate)) if at.epoch else "",
        ),
        _grid(
            "Device busy ÷ wall [95% interval], launch-bound below a half",
            axis,
            [curve for curve in curves if any(spot.busy for spot in curve.spots)],
            lambda at: busy_cell(at.busy) if at.busy else "",
        ),
    )
    tables = [
        _times_table(curves, axis, shown),
        *(table for table in beside if table.rows),
        *estimate_tables(estimates),
    ]
    figure = sweep_figure(curves, crossovers, axis, shown, tuple(of_device.values()))
    yield view(shown, figure, tables, crossovers)
    if sweep.per_iteration and (of_one := sweep.of_one_model):
        figure = sweep_figure(of_one, crossovers, axis, OF_ONE_MODEL)
        yield view(OF_ONE_MODEL, figure, [_times_table(of_one, axis, OF_ONE_MODEL)], crossovers)
    if sweep.per_iteration and (cold := sweep.cold):
        shown = f"cold start, {sweep.iterations:,} iterations"
        figure = sweep_figure(cold, sweep.cold_crossovers, axis, shown)
        tables = [_times_table(cold, axis, shown), *amortisation_tables(sweep.amortisations)]
        yield view(shown, figure, tables, sweep.cold_crossovers)
    for crossover in crossovers:
        if crossover.ratio_at:
            title = f"{sweep.family}: time of {crossover.challenger} over {crossover.incumbent}"
            yield view(
                f"ratio of {crossover.challenger} to {crossover.incumbent}",
                ratio_figure(crossover, axis),
                [_ratio_table(crossover, title)],
                [crossover],
                title,
            )


def _lines(sweep: Sweep) -> list[str]:
    """Return what holds for all that is shown of a sweep."""
    curves, absent = sweep.curves, missing(sweep.crossovers)
    absent += [
        reason
        for curve in curves
        if not curve.spots and (reason := f"{curve.backend}: {curve.reason}") not in absent
    ]
    lines = [f"Not measured: {reason}." for reason in absent]
    lines += [
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
        lines.append("Of asv's commits the newest is here; the page of history has all of them.")
    return lines


def _times_table(curves: Sequence[Curve], axis: str, shown: str) -> Table:
    """Return the times, with intervals, and how contended they were."""
    spots = [spot for curve in curves for spot in curve.spots]
    kind = _kind_of_interval((spot.repeats, spot.value.low) for spot in spots)
    table = _grid(
        f"{shown} [{kind}]",
        axis,
        curves,
        lambda at: _duration(at.value),
        "not measured",
    )
    contentions = [
        sum((spot.contention for spot in spots if spot.size == size), start=Contention())
        for size in sorted({spot.size for spot in spots})
    ]
    columns, cells = with_contended(table.columns, table.rows, contentions)
    return replace(table, columns=columns, rows=tuple(cells))


def _grid(
    title: str,
    axis: str,
    curves: Sequence[Curve],
    cell: Callable[[CurvePoint], str],
    nothing: str = NONE,
) -> Table:
    """Return the cells of all times, sizes down and backends across; no rows without any."""
    cells = {
        (curve.backend, spot.size): words
        for curve in curves
        for spot in curve.spots
        if (words := cell(spot))
    }
    return Table(
        title=title,
        columns=(f"{axis}>", *(f"{curve.backend}>" for curve in curves)),
        rows=tuple(
            (f"{size:,}", *(cells.get((curve.backend, size), nothing) for curve in curves))
            for size in sorted({size for _, size in cells})
        ),
    )


def _ratio_table(crossover: Crossover, title: str) -> Table:
    """Return the ratios of a pair at each size."""
    kind = _kind_of_interval((at.repeats, at.low) for at in crossover.ratio_at)
    return Table(
        title=title,
        columns=(f"{axis_of(crossover)}>", f"ratio [{kind}]>", "repeats>"),
        rows=tuple(
            (f"{at.size:,}", interval(at.ratio, at.low, at.high), str(at.repeats))
            for at in crossover.ratio_at
        ),
    )


def _kind_of_interval(values: Iterable[tuple[int, float | None]]) -> str:
    """Return what intervals are, by number of repeats and lower end: ours, or stated as well."""
    stated = any(repeats == 1 and low is not None for repeats, low in values)
    return "95% interval; of one repeat the 99% stated" if stated else "95% interval"


def _duration(value: Interval) -> str:
    return duration_interval(value.estimate, value.low, value.high)


# --- setup made up for ---------------------------------------------------------------------------


def amortisation_tables(amortisations: Sequence[Amortisation]) -> list[Table]:
    """Return a row for some sizes of each pair, evenly spread, the outermost among them."""
    pairs = grouped(
        amortisations,
        lambda one: (one.family, ground(one), *sorted((one.faster, one.slower))),
    )
    rows = tuple(_cells(one) for members in pairs.values() for one in _some(members))
    return [Table(title=AMORTISED, columns=AMORTISATION_COLUMNS, rows=rows)] if rows else []


def _some(members: list[Amortisation]) -> list[Amortisation]:
    number = min(_SIZES, len(members))
    indices = {round(step * (len(members) - 1) / max(1, number - 1)) for step in range(number)}
    return [members[index] for index in sorted(indices)]


def _cells(of: Amortisation) -> tuple[str, ...]:
    fast, fast_setup, slow, slow_setup = map(
        _duration, (of.faster_seconds, of.faster_prepare, of.slower_seconds, of.slower_prepare)
    )
    high = "…" if of.high is None else count(of.high)
    ahead = "1" if of.high == 1 else f"{count(of.iterations)} [{count(of.low)}, {high}]"
    faster = of.faster + ("" if of.high else ", undecided")
    return (
        *(of.family, count(of.size), faster, fast, fast_setup),
        *(of.slower, slow, slow_setup, ahead),
    )
