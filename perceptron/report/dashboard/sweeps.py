"""The page of sweeps: times over sizes, with their bands and crossovers, and ratios of pairs."""

from __future__ import annotations

from collections.abc import Container, Sequence

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import ITERATIONS
from perceptron.analysis.stored.sweep import Curve, Sweep
from perceptron.analysis.training import training_name
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.ratio import ratio_figure
from perceptron.report.charts.sweep import ITERATION, OF_ONE_MODEL, sweep_figure
from perceptron.report.crossover_words import is_measured, missing
from perceptron.report.dashboard.asked import Asked, Pair, on_ground, pair_of
from perceptron.report.dashboard.machine_sweeps import machine_views
from perceptron.report.dashboard.names import foreign_state, machine_name, state_name
from perceptron.report.dashboard.sweep_list import rest_of_sweeps
from perceptron.report.dashboard.sweep_tables import (
    answer_tables,
    device_share_tables,
    epoch_tables,
    ratio_table,
    times_table,
)
from perceptron.report.dashboard.telling import most_telling_pairs, most_telling_sweeps
from perceptron.report.dashboard.view import View, Views, table
from perceptron.report.size_axis import size_axis
from perceptron.report.tables import what_if
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    CROSSOVER_COLUMNS,
    amortisation_cells,
    crossover_cells,
)
from perceptron.report.tables.device import state_lines

SWITCHES = ("Family", "Machine", "Commit", "dtype", "Threads", "Training", "Shown")
WHOLE = f"whole training, {ITERATIONS:,} iterations"
COLD = f"from cold, {ITERATIONS:,} iterations"


def sweep_views(
    collection: Collection, looks: plot.Looks, asked: CrossoverResult | None = None
) -> Views:
    """Return a view for each sweep that is drawn and way of showing it; a sweep is one file.

    Then those of each backend that several machines measured, a file for each.

    ``asked`` is the answer of a search for crossovers: its estimates and its own number of
    iterations are not in the collection, and are shown with its sweeps.
    """
    views = Views("sweeps", SWITCHES)
    answer = Asked(asked)
    choice = most_telling_sweeps(collection.sweeps, answer)
    for part, sweep in enumerate(choice.drawn):
        pairs = most_telling_pairs(sweep, len(choice.drawn), answer.pairs(sweep))
        own = asked if answer.holds(sweep) else None
        for shown, view in _shown(answer.turned(sweep), looks, own, pairs):
            views.add(part, (*sweep_setting(sweep), shown), view)
    for part, (setting, view) in enumerate(
        machine_views(collection.sweeps, looks), len(choice.drawn)
    ):
        views.add(part, setting, view)
    views.rest = rest_of_sweeps(len(choice.drawn), [answer.turned(one) for one in choice.listed])
    return views


def sweep_setting(sweep: Sweep) -> tuple[str, ...]:
    """Return the setting of all switches but the last, of the views of this sweep."""
    return (
        sweep.family,
        machine_name(sweep.machine, sweep.source),
        state_name(sweep.commit, sweep.when, *foreign_state(sweep)),
        sweep.dtype or "not stated",
        "not stated" if sweep.threads is None else str(sweep.threads),
        training_name(sweep),
    )


def _shown(
    sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None, pairs: Container[Pair]
) -> list[tuple[str, View]]:
    """Return the views of a sweep; ``pairs`` are marked and have ratios, the table has them all."""
    guessed = [] if asked is None else [x for x in asked.what_if if x.family == sweep.family]
    ratios = _ratios(sweep, looks, pairs)
    if not sweep.per_iteration:
        return [("time", _times(sweep, 1, looks, "time", guessed, pairs)), *ratios]
    views = [
        (ITERATION, _times(sweep, 1, looks, ITERATION, guessed, pairs)),
        (WHOLE, _times(sweep, ITERATIONS, looks, WHOLE, guessed, pairs)),
    ]
    if sweep.of_one_model:
        views.insert(1, (OF_ONE_MODEL, _of_one_model(sweep, looks, pairs)))
    if sweep.cold:
        views.append((COLD, _cold(sweep, looks, asked, pairs)))
    return [*views, *ratios]


def _times(
    sweep: Sweep,
    times: int,
    looks: plot.Looks,
    shown: str,
    guessed: Sequence[WhatIf],
    pairs: Container[Pair],
) -> View:
    axis = size_axis(sweep.family, sweep.axis)
    lines = {estimate.challenger: estimate.estimates for estimate in guessed}
    marked = _of_pairs(sweep.crossovers, pairs)
    figure = sweep_figure(sweep.curves, marked, axis, shown, times, tuple(lines.values()))
    tables = [
        *answer_tables(sweep.crossovers),
        times_table(sweep.curves, times, axis, shown),
        *epoch_tables(sweep.curves, axis),
        *device_share_tables(sweep.curves, axis),
    ]
    if guessed:
        tables.append(table(what_if.COLUMNS, what_if.cells(guessed), what_if.TITLE))
    return View(
        title=f"{sweep.family}: {shown}",
        lines=[*_lines(sweep, sweep.curves, sweep.crossovers), *_fewer(sweep, len(marked))],
        figures=draw(figure, looks),
        tables=tables,
    )


def _of_one_model(sweep: Sweep, looks: plot.Looks, pairs: Container[Pair]) -> View:
    """Return the times of an iteration shared out over the models that it is a step of."""
    curves, axis = sweep.of_one_model, size_axis(sweep.family, sweep.axis)
    marked = _of_pairs(sweep.crossovers, pairs)
    return View(
        title=f"{sweep.family}: {OF_ONE_MODEL}",
        lines=_lines(sweep, curves, sweep.crossovers),
        figures=draw(sweep_figure(curves, marked, axis, OF_ONE_MODEL), looks),
        tables=[*answer_tables(sweep.crossovers), times_table(curves, 1, axis, OF_ONE_MODEL)],
    )


def _cold(
    sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None, pairs: Container[Pair]
) -> View:
    axis = size_axis(sweep.family, sweep.axis)
    marked = _of_pairs(sweep.cold_crossovers, pairs)
    figure = sweep_figure(sweep.cold, marked, axis, COLD, ITERATIONS)
    tables = [
        *answer_tables(sweep.cold_crossovers),
        times_table(sweep.cold, ITERATIONS, axis, COLD),
    ]
    if asked is not None and asked.iterations != ITERATIONS:
        title = f"From cold, over a training of {asked.iterations:,} iterations"
        where = on_ground(sweep)
        own = [crossover for crossover in asked.from_cold if on_ground(crossover) == where]
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


def _of_pairs(crossovers: Sequence[Crossover], pairs: Container[Pair]) -> list[Crossover]:
    return [crossover for crossover in crossovers if pair_of(crossover) in pairs]


def _fewer(sweep: Sweep, drawn: int) -> list[str]:
    """Say which pairs have no figure of their own."""
    every = len(sweep.crossovers)
    if drawn == every:
        return []
    return [
        f"Of {every:,} pairs the {drawn} most telling are marked and have figures of their ratios: "
        "first those with a crossover, then those that come nearest to one; the table has them all."
    ]


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
        kind = (
            "the intervals are the 99 % that its file states, of that process alone"
            if stated
            else "there are no intervals"
        )
        statuses = {crossover.status for crossover in crossovers if is_measured(crossover)}
        doubt = "undecided" if statuses == {"undecided"} else "not sure"
        lines.append(f"One process for each value: {kind}, and who is faster is {doubt}.")
    lines += state_lines(sweep.gpus)
    if sweep.source == "asv":
        lines.append(
            "Of asv's commits the newest are here; the page of history has all of results/."
        )
    return lines


def _ratios(sweep: Sweep, looks: plot.Looks, pairs: Container[Pair]) -> list[tuple[str, View]]:
    return [
        (
            f"ratio of {crossover.challenger} to {crossover.incumbent}",
            _ratio(sweep, crossover, looks),
        )
        for crossover in sweep.crossovers
        if crossover.ratio_at and pair_of(crossover) in pairs
    ]


def _ratio(sweep: Sweep, crossover: Crossover, looks: plot.Looks) -> View:
    axis = size_axis(sweep.family, sweep.axis)
    title = f"{sweep.family}: time of {crossover.challenger} over {crossover.incumbent}"
    return View(
        title=title,
        lines=_lines(sweep, sweep.curves, [crossover]),
        figures=draw(ratio_figure(crossover, axis), looks),
        tables=[
            *answer_tables([crossover]),
            ratio_table(crossover, axis, title),
        ],
    )
