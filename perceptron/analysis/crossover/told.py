"""Sweeps as parts of an answer: for each its figures, and the tables below them.

A part shows one sweep in one way: times per iteration, of a whole training, from a cold start, or
the ratio of a pair. `where` and the way are the switches of its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

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
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.training import training_name
from perceptron.analysis.what_if.estimate import WhatIf, estimate_tables
from perceptron.answer import Figure, Note, Setting, Table, Verdict
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


class Told(NamedTuple):
    """The parts of an answer that are about its sweeps."""

    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[Note, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()


def told(sweeps: Iterable[Sweep], estimates: Sequence[WhatIf] = ()) -> Told:
    """Return all sweeps of a run; ``estimates`` of a device stand with their family."""
    parts = [of_sweep(sweep, where(sweep), estimates) for sweep in sweeps]
    return Told(*(tuple(chain(*kind)) for kind in zip(*parts, strict=True)))


def where(sweep: Sweep) -> Setting:
    """Return the switches that tell the sweeps of a run apart, as they stand for this one."""
    threads = sweep.ground.threads
    return (
        ("Family", sweep.family),
        ("dtype", sweep.ground.dtype or "not stated"),
        ("Threads", "not stated" if threads is None else str(threads)),
        ("Training", training_name(sweep.ground)),
    )


class _View(NamedTuple):
    """One way of showing a sweep."""

    shown: str
    title: str
    figure: LineFigure | None
    tables: Sequence[Table]
    crossovers: Sequence[Crossover]


def of_sweep(sweep: Sweep, place: Setting, estimates: Sequence[WhatIf] = ()) -> Told:
    """Return one sweep, its switches standing at ``place``, for a page."""
    own = [guess for guess in estimates if guess.family == sweep.family]
    lines = _lines(sweep)
    says, notes = list[Verdict](), list[Note]()
    tables, figures = list[Table](), list[Figure]()
    for view in _views(sweep, own):
        part = (*place, ("Shown", view.shown))
        figures.append(Figure(title=view.title, drawing=view.figure, part=part))
        tables += [replace(table, part=part, on="page") for table in view.tables]
        says += [replace(one, part=part, on="page") for one in verdicts(view.crossovers)]
        notes += [Note(line, "page", part) for line in lines]
    return Told(tuple(says), tuple(notes), tuple(tables), tuple(figures))


def _views(sweep: Sweep, estimates: Sequence[WhatIf]) -> Iterator[_View]:
    if not sweep.per_iteration:
        yield _times(sweep, "time", 1, estimates)
    else:
        yield _times(sweep, ITERATION, 1, estimates)
        if sweep.of_one_model:
            yield _of_curves(sweep, sweep.of_one_model, sweep.crossovers, OF_ONE_MODEL, 1)
        iterations = f"{sweep.iterations:,} iterations"
        yield _times(sweep, f"whole training, {iterations}", sweep.iterations, estimates)
        if sweep.cold:
            shown = f"cold start, {iterations}"
            cold = _of_curves(sweep, sweep.cold, sweep.cold_crossovers, shown, sweep.iterations)
            yield cold._replace(tables=[*cold.tables, *amortisation_tables(sweep.amortisations)])
    for crossover in sweep.crossovers:
        if crossover.ratio_at:
            yield _ratio(sweep, crossover)


def _times(sweep: Sweep, shown: str, times: int, estimates: Sequence[WhatIf]) -> _View:
    axis = sweep.axis
    lines = {guess.challenger: guess.estimates for guess in estimates}
    view = _of_curves(sweep, sweep.curves, sweep.crossovers, shown, times)
    tables = [
        *view.tables,
        *_grid(
            "Rows trained on per second, time of an epoch",
            axis,
            sweep.curves,
            lambda at: ", ".join(epoch_cells(at.epoch, at.value.estimate)) if at.epoch else "",
        ),
        *_grid(
            "Device busy ÷ wall [95% interval], launch-bound below a half",
            axis,
            [curve for curve in sweep.curves if any(spot.device for spot in curve.spots)],
            lambda at: busy_cell(at.device) if at.device else "",
        ),
        *estimate_tables(estimates),
    ]
    figure = sweep_figure(sweep.curves, sweep.crossovers, axis, shown, times, tuple(lines.values()))
    return view._replace(figure=figure, tables=tables)


def _of_curves(
    sweep: Sweep, curves: Sequence[Curve], crossovers: Sequence[Crossover], shown: str, times: int
) -> _View:
    axis = sweep.axis
    figure = sweep_figure(curves, crossovers, axis, shown, times)
    table = _times_table(curves, times, axis, shown)
    return _View(shown, f"{sweep.family}: {shown}", figure, [table], crossovers)


def _ratio(sweep: Sweep, crossover: Crossover) -> _View:
    title = f"{sweep.family}: time of {crossover.challenger} over {crossover.incumbent}"
    return _View(
        f"ratio of {crossover.challenger} to {crossover.incumbent}",
        title,
        ratio_figure(crossover, sweep.axis),
        [_ratio_table(crossover, title)],
        [crossover],
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


def _times_table(curves: Sequence[Curve], times: int, axis: str, shown: str) -> Table:
    """Return what ``times`` iterations take, with intervals: sizes down, backends across."""
    sizes = sorted({spot.size for curve in curves for spot in curve.spots})
    values = {
        (curve.backend, spot.size): _duration(scaled(spot.value, times))
        for curve in curves
        for spot in curve.spots
    }
    rows = [
        (f"{size:,}", *(values.get((curve.backend, size), "not measured") for curve in curves))
        for size in sizes
    ]
    contentions = [
        sum(
            (spot.contention for curve in curves for spot in curve.spots if spot.size == size),
            start=Contention(),
        )
        for size in sizes
    ]
    columns, cells = with_contended(_across(axis, curves), rows, contentions)
    spots = [spot for curve in curves for spot in curve.spots]
    kind = _kind_of_interval((spot.repeats, spot.value.low) for spot in spots)
    return Table(title=f"{shown} [{kind}]", columns=columns, rows=tuple(cells))


def _grid(
    title: str, axis: str, curves: Sequence[Curve], cell: Callable[[CurvePoint], str]
) -> Iterator[Table]:
    """Yield the cells of all times, sizes down and backends across; nothing without any."""
    cells = {
        (curve.backend, spot.size): words
        for curve in curves
        for spot in curve.spots
        if (words := cell(spot))
    }
    sizes = sorted({size for _, size in cells})
    if cells:
        yield Table(
            title=title,
            columns=_across(axis, curves),
            rows=tuple(
                (f"{size:,}", *(cells.get((curve.backend, size), NONE) for curve in curves))
                for size in sizes
            ),
        )


def _across(axis: str, curves: Sequence[Curve]) -> tuple[str, ...]:
    return (f"{axis}>", *(f"{curve.backend}>" for curve in curves))


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
