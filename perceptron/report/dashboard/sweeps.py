"""The page of sweeps: times over sizes, with their bands and crossovers, and ratios of pairs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import ITERATIONS
from perceptron.analysis.stored.sweep import COMMITS, Curve, Sweep
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.records.measurement import Measurement
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.axes import family_axis
from perceptron.report.charts.ratio import ratio_figure
from perceptron.report.charts.sweep import ITERATION, scaled, sweep_figure
from perceptron.report.crossover_words import missing
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, ViewTable, table
from perceptron.report.numbers import duration_interval, interval
from perceptron.report.tables import what_if
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    CROSSOVER_COLUMNS,
    amortisation_cells,
    crossover_cells,
)

SWITCHES = ("Family", "Machine", "Commit", "dtype", "Threads", "Shown")
WHOLE = f"whole training, {ITERATIONS:,} iterations"
COLD = f"from cold, {ITERATIONS:,} iterations"


def sweep_views(
    collection: Collection, looks: plot.Looks, asked: CrossoverResult | None = None
) -> Views:
    """Return a view for each sweep and way of showing it; those of one sweep are in one file.

    ``asked`` is the answer of a search for crossovers: its estimates and its own number of
    iterations are not in the collection, and are shown with its sweeps.
    """
    views = Views("sweeps", SWITCHES)
    # What has a crossover to show comes first.
    ordered = sorted(
        collection.sweeps,
        key=lambda sweep: not any(crossover.size for crossover in sweep.crossovers),
    )
    for part, sweep in enumerate(ordered):
        own = asked if asked is not None and is_answer(sweep, asked) else None
        shown_sweep = sweep if own is None else _as_asked(sweep, own)
        for shown, view in _shown(shown_sweep, looks, own):
            views.add(part, (*sweep_setting(sweep), shown), view)
    return views


def sweep_setting(sweep: Sweep) -> tuple[str, ...]:
    """Return the setting of all switches but the last, of the views of this sweep."""
    return (
        sweep.family,
        machine_name(sweep.machine, sweep.source),
        state_name(sweep.commit, sweep.when, *_foreign_state(sweep)),
        sweep.dtype or "not stated",
        "not stated" if sweep.threads is None else str(sweep.threads),
    )


def _foreign_state(sweep: Sweep) -> tuple[str | None, ...]:
    """Return what else tells two sweeps of one commit apart, where other tools measured it."""
    if sweep.source == "perceptron":
        return ()
    return sweep.environment, sweep.version and f"version {sweep.version[:8]}"


def is_answer(sweep: Sweep, asked: CrossoverResult) -> bool:
    """Return whether the sweep is among what the answer was read off."""
    ground_and_state = (*_place(sweep), sweep.source)
    return any((*_place(row), row.source) == ground_and_state for row in asked.rows)


def _place(of: Sweep | Crossover | Measurement) -> tuple[object, ...]:
    """Return of what and where something was measured, and in which state of the code."""
    return (
        of.family,
        of.machine,
        of.dtype,
        of.threads,
        of.commit,
        of.environment,
        of.version,
    )


def _as_asked(sweep: Sweep, asked: CrossoverResult) -> Sweep:
    """Return the sweep with each pair the way round in which it was asked for."""
    wanted = {
        (crossover.incumbent, crossover.challenger): crossover
        for crossover in asked.crossovers
        if _place(crossover) == _place(sweep)
    }
    return replace(
        sweep,
        crossovers=[
            wanted.get((crossover.challenger, crossover.incumbent), crossover)
            for crossover in sweep.crossovers
        ],
    )


def _shown(
    sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None
) -> list[tuple[str, View]]:
    guessed = [] if asked is None else [x for x in asked.what_if if x.family == sweep.family]
    if sweep.source == "csv":  # nobody knows how many iterations a time of a table is
        return [("time", _times(sweep, 1, looks, "time", guessed)), *_ratios(sweep, looks)]
    views = [
        (ITERATION, _times(sweep, 1, looks, ITERATION, guessed)),
        (WHOLE, _times(sweep, ITERATIONS, looks, WHOLE, guessed)),
    ]
    if sweep.cold:
        views.append((COLD, _cold(sweep, looks, asked)))
    return [*views, *_ratios(sweep, looks)]


def _times(
    sweep: Sweep, times: int, looks: plot.Looks, shown: str, guessed: Sequence[WhatIf]
) -> View:
    axis = family_axis(sweep.family)
    lines = {estimate.challenger: estimate.estimates for estimate in guessed}
    figure = sweep_figure(sweep.curves, sweep.crossovers, axis, shown, times, tuple(lines.values()))
    tables = [
        table(CROSSOVER_COLUMNS, crossover_cells(sweep.crossovers), "Who is faster"),
        _values(sweep.curves, times, axis, shown),
    ]
    if guessed:
        tables.append(table(what_if.COLUMNS, what_if.cells(guessed), what_if.TITLE))
    return View(
        title=f"{sweep.family}: {shown}",
        lines=_lines(sweep, sweep.curves, sweep.crossovers),
        figures=draw(figure, looks),
        tables=tables,
    )


def _cold(sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None) -> View:
    axis = family_axis(sweep.family)
    figure = sweep_figure(sweep.cold, sweep.cold_crossovers, axis, COLD, ITERATIONS)
    tables = [
        table(CROSSOVER_COLUMNS, crossover_cells(sweep.cold_crossovers), "Who is faster"),
        _values(sweep.cold, ITERATIONS, axis, COLD),
    ]
    if asked is not None and asked.iterations != ITERATIONS:
        title = f"From cold, over a training of {asked.iterations:,} iterations"
        conditions = (sweep.family, sweep.machine, sweep.dtype, sweep.threads)
        own = [
            crossover
            for crossover in asked.from_cold
            if (crossover.family, crossover.machine, crossover.dtype, crossover.threads)
            == conditions
        ]
        tables.insert(1, table(CROSSOVER_COLUMNS, crossover_cells(own), title))
    if sweep.amortisations:
        cells = amortisation_cells(sweep.amortisations)
        title = "When the faster one has paid for its start [95 % interval]"
        tables.append(table(AMORTISATION_COLUMNS, cells, title))
    return View(
        title=f"{sweep.family}: {COLD}",
        lines=_lines(sweep, sweep.cold, sweep.cold_crossovers),
        figures=draw(figure, looks),
        tables=tables,
    )


def _lines(sweep: Sweep, curves: Sequence[Curve], crossovers: Sequence[Crossover]) -> list[str]:
    absent = missing(crossovers)
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
    if all(spot.processes == 1 for curve in curves for spot in curve.spots):
        stated = any(spot.value.low or spot.value.high for curve in curves for spot in curve.spots)
        lines.append(
            "One process for each value: the intervals are the 99 % that its file states, of that "
            "process alone, and no winner is sure."
            if stated
            else "One process for each value, so there are no intervals, and no winner is sure."
        )
    if sweep.source == "asv":
        lines.append(
            f"Of asv's commits the newest {COMMITS} are here; the page of history has them all."
        )
    return lines


def _values(curves: Sequence[Curve], times: int, axis: str, shown: str) -> ViewTable:
    """Return the times as a table: sizes down, backends across."""
    sizes = sorted({spot.size for curve in curves for spot in curve.spots})
    values = {
        (curve.backend, spot.size): _duration(scaled(spot.value, times))
        for curve in curves
        for spot in curve.spots
    }
    columns = (f"{axis}>", *(f"{curve.backend}>" for curve in curves))
    rows = [
        (f"{size:,}", *(values.get((curve.backend, size), "not measured") for curve in curves))
        for size in sizes
    ]
    return table(columns, rows, f"{shown} [95 % interval]")


def _ratios(sweep: Sweep, looks: plot.Looks) -> list[tuple[str, View]]:
    return [
        (
            f"ratio of {crossover.challenger} to {crossover.incumbent}",
            _ratio(sweep, crossover, looks),
        )
        for crossover in sweep.crossovers
        if crossover.ratio_at
    ]


def _ratio(sweep: Sweep, crossover: Crossover, looks: plot.Looks) -> View:
    axis = family_axis(sweep.family)
    title = f"{sweep.family}: time of {crossover.challenger} over {crossover.incumbent}"
    columns = (f"{axis}>", "ratio [95 % interval]>", "processes>")
    rows = [
        (f"{at.size:,}", interval(at.ratio, at.low, at.high), str(at.processes))
        for at in crossover.ratio_at
    ]
    return View(
        title=title,
        lines=_lines(sweep, sweep.curves, [crossover]),
        figures=draw(ratio_figure(crossover, axis), looks),
        tables=[
            table(CROSSOVER_COLUMNS, crossover_cells([crossover]), "Who is faster"),
            table(columns, rows, title),
        ],
    )


def _duration(value: Interval) -> str:
    return duration_interval(value.estimate, value.low, value.high)
