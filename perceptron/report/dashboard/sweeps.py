"""The page of sweeps: times over sizes, with their bands and crossovers, and ratios of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec.structs import replace

from perceptron.analysis.contention import Contention, with_contended
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.device_share import busy_cell
from perceptron.analysis.gpu_use import state_lines
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import ITERATIONS
from perceptron.analysis.stored.sweep import Curve, Sweep
from perceptron.analysis.training import training_name
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.numbers import NONE, duration_interval, interval
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.ratio import ratio_figure
from perceptron.report.charts.sweep import ITERATION, OF_ONE_MODEL, sweep_figure
from perceptron.report.crossover_words import is_measured, missing
from perceptron.report.dashboard.machine_sweeps import machine_views
from perceptron.report.dashboard.page import foreign_state, machine_name, state_name
from perceptron.report.dashboard.view import View, Views, ViewTable, table
from perceptron.report.size_axis import size_axis
from perceptron.report.tables import what_if
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    CROSSOVER_COLUMNS,
    amortisation_cells,
    crossover_cells,
)
from perceptron.report.tables.throughput import epoch_cells

SWITCHES = ("Family", "Machine", "Commit", "dtype", "Threads", "Training", "Shown")
WHOLE = f"whole training, {ITERATIONS:,} iterations"
COLD = f"from cold, {ITERATIONS:,} iterations"
_Place = tuple[object, ...]


def sweep_views(
    collection: Collection, looks: plot.Looks, asked: CrossoverResult | None = None
) -> Views:
    """Return a view for each way of showing each sweep; a sweep is one file.

    Then those of each backend that several machines measured, a file for each.

    ``asked`` is the answer of a search for crossovers: its sweeps come first, and its estimates and
    its own number of iterations, which are not in the collection, are shown with them.
    """
    views = Views("sweeps", SWITCHES, older=sum(sweep.older for sweep in collection.sweeps))
    answer = Asked(asked)
    drawn = answer.first(collection.sweeps)
    for part, sweep in enumerate(drawn):
        own = asked if answer.holds(sweep) else None
        for shown, view in _shown(answer.turned(sweep), looks, own):
            views.add(part, (*sweep_setting(sweep), shown), view)
    for part, (setting, view) in enumerate(machine_views(collection.sweeps, looks), len(drawn)):
        views.add(part, setting, view)
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
    sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None
) -> list[tuple[str, View]]:
    """Return the views of a sweep."""
    guessed = [] if asked is None else [x for x in asked.what_if if x.family == sweep.family]
    ratios = _ratios(sweep, looks)
    if not sweep.per_iteration:
        return [("time", _times(sweep, 1, looks, "time", guessed)), *ratios]
    views = [
        (ITERATION, _times(sweep, 1, looks, ITERATION, guessed)),
        (WHOLE, _times(sweep, ITERATIONS, looks, WHOLE, guessed)),
    ]
    if sweep.of_one_model:
        views.insert(1, (OF_ONE_MODEL, _of_one_model(sweep, looks)))
    if sweep.cold:
        views.append((COLD, _cold(sweep, looks, asked)))
    return [*views, *ratios]


def _times(
    sweep: Sweep,
    times: int,
    looks: plot.Looks,
    shown: str,
    guessed: Sequence[WhatIf],
) -> View:
    axis = size_axis(sweep.family, sweep.axis)
    lines = {estimate.challenger: estimate.estimates for estimate in guessed}
    figure = sweep_figure(sweep.curves, sweep.crossovers, axis, shown, times, tuple(lines.values()))
    tables = [
        *_answer_tables(sweep.crossovers),
        _times_table(sweep.curves, times, axis, shown),
        *_epoch_tables(sweep.curves, axis),
        *_device_share_tables(sweep.curves, axis),
    ]
    if guessed:
        tables.append(table(what_if.COLUMNS, what_if.cells(guessed), what_if.TITLE))
    return View(
        title=f"{sweep.family}: {shown}",
        lines=_lines(sweep, sweep.curves, sweep.crossovers),
        figures=draw(figure, looks),
        tables=tables,
    )


def _of_one_model(sweep: Sweep, looks: plot.Looks) -> View:
    """Return the times of an iteration shared out over the models that it is a step of."""
    curves, axis = sweep.of_one_model, size_axis(sweep.family, sweep.axis)
    return View(
        title=f"{sweep.family}: {OF_ONE_MODEL}",
        lines=_lines(sweep, curves, sweep.crossovers),
        figures=draw(sweep_figure(curves, sweep.crossovers, axis, OF_ONE_MODEL), looks),
        tables=[*_answer_tables(sweep.crossovers), _times_table(curves, 1, axis, OF_ONE_MODEL)],
    )


def _cold(sweep: Sweep, looks: plot.Looks, asked: CrossoverResult | None) -> View:
    axis = size_axis(sweep.family, sweep.axis)
    figure = sweep_figure(sweep.cold, sweep.cold_crossovers, axis, COLD, ITERATIONS)
    tables = [
        *_answer_tables(sweep.cold_crossovers),
        _times_table(sweep.cold, ITERATIONS, axis, COLD),
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
        lines.append("Of asv's commits the newest is here; the page of history has all of them.")
    return lines


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
    axis = size_axis(sweep.family, sweep.axis)
    title = f"{sweep.family}: time of {crossover.challenger} over {crossover.incumbent}"
    return View(
        title=title,
        lines=_lines(sweep, sweep.curves, [crossover]),
        figures=draw(ratio_figure(crossover, axis), looks),
        tables=[
            *_answer_tables([crossover]),
            _ratio_table(crossover, axis, title),
        ],
    )


def _answer_tables(crossovers: Sequence[Crossover]) -> list[ViewTable]:
    """Return a table of who is faster, none where one backend was measured alone."""
    cells = crossover_cells(crossovers)
    return [table(CROSSOVER_COLUMNS, cells, "Who is faster")] if cells else []


def _times_table(curves: Sequence[Curve], times: int, axis: str, shown: str) -> ViewTable:
    """Return what ``times`` iterations take, with intervals: sizes down, backends across."""
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
    contentions = [
        sum(
            (spot.contention for curve in curves for spot in curve.spots if spot.size == size),
            start=Contention(),
        )
        for size in sizes
    ]
    columns, rows = with_contended(columns, rows, contentions)
    kind = _kind_of_interval(
        [(spot.processes, spot.value.low) for curve in curves for spot in curve.spots]
    )
    return table(columns, rows, f"{shown} [{kind}]")


def _epoch_tables(curves: Sequence[Curve], axis: str) -> list[ViewTable]:
    """Return what the times mean for mini-batches, as `_times_table`; nothing for full batches."""
    cells = {
        (curve.backend, spot.size): ", ".join(epoch_cells(spot.epoch, spot.value.estimate))
        for curve in curves
        for spot in curve.spots
        if spot.epoch is not None
    }
    if not cells:
        return []
    columns = (f"{axis}>", *(f"{curve.backend}>" for curve in curves))
    rows = [
        (f"{size:,}", *(cells.get((curve.backend, size), NONE) for curve in curves))
        for size in sorted({size for _, size in cells})
    ]
    return [table(columns, rows, "Rows trained on per second, time of an epoch")]


def _device_share_tables(curves: Sequence[Curve], axis: str) -> list[ViewTable]:
    """Return how busy devices are, of backends whose rows tell, as `_times_table`."""
    busy = {
        (curve.backend, spot.size): busy_cell(spot.device)
        for curve in curves
        for spot in curve.spots
        if spot.device is not None
    }
    if not busy:
        return []
    names = [curve.backend for curve in curves if any(spot.device for spot in curve.spots)]
    rows = [
        (f"{size:,}", *(busy.get((name, size), NONE) for name in names))
        for size in sorted({size for _, size in busy})
    ]
    title = "Device busy ÷ wall [95 % interval], launch-bound below a half"
    return [table((f"{axis}>", *(f"{name}>" for name in names)), rows, title)]


def _ratio_table(crossover: Crossover, axis: str, title: str) -> ViewTable:
    """Return the ratios of a pair at each size."""
    kind = _kind_of_interval([(at.processes, at.low) for at in crossover.ratio_at])
    columns = (f"{axis}>", f"ratio [{kind}]>", "processes>")
    rows = [
        (f"{at.size:,}", interval(at.ratio, at.low, at.high), str(at.processes))
        for at in crossover.ratio_at
    ]
    return table(columns, rows, title)


def _kind_of_interval(values: Sequence[tuple[int, float | None]]) -> str:
    """Return what intervals are, by number of processes and lower end: ours, or stated as well."""
    stated = any(processes == 1 and low is not None for processes, low in values)
    return "95 % interval; of one process the 99 % stated" if stated else "95 % interval"


def _duration(value: Interval) -> str:
    return duration_interval(value.estimate, value.low, value.high)


def on_ground(of: Sweep | Crossover | Measurement) -> _Place:
    """Return of which family and on which ground something was measured."""
    return of.family, ground(of)


def in_state(of: Sweep | Crossover | Measurement) -> _Place:
    """Return the same, and in which state of the code."""
    return (*on_ground(of), of.source, of.commit, of.environment, of.version, of.code)


class Asked:
    """The answer of a search for crossovers, found again among the sweeps; None is no answer.

    An answer has thousands of rows where files have many cases, so its rows are read once.
    """

    def __init__(self, result: CrossoverResult | None) -> None:
        self._states = {in_state(row) for row in (result.rows if result else ())}
        self._answers: dict[_Place, dict[frozenset[str], Crossover]] = {}
        crossovers = result.crossovers if result else ()
        for crossover in crossovers:
            self._answers.setdefault(in_state(crossover), {})[_pair(crossover)] = crossover
        grounds = dict.fromkeys(map(on_ground, crossovers))
        self._places = {where: place for place, where in enumerate(grounds)}

    def holds(self, sweep: Sweep) -> bool:
        """Return whether the sweep is among what the answer was read off."""
        return in_state(sweep) in self._states

    def first(self, sweeps: Sequence[Sweep]) -> list[Sweep]:
        """Return the sweeps, those that the answer was read off first, in its order."""

        def place(sweep: Sweep) -> float:
            known = self.holds(sweep)
            return self._places.get(on_ground(sweep), len(self._places)) if known else inf

        return sorted(sweeps, key=place)

    def turned(self, sweep: Sweep) -> Sweep:
        """Return the sweep with each pair the way round in which it was asked for."""
        answers = self._answers.get(in_state(sweep), {})

        def as_asked(crossover: Crossover) -> Crossover:
            own = answers.get(_pair(crossover), crossover)
            return own if own.incumbent == crossover.challenger else crossover

        return replace(sweep, crossovers=[as_asked(crossover) for crossover in sweep.crossovers])


def _pair(crossover: Crossover) -> frozenset[str]:
    """Return the two backends, whichever is the incumbent."""
    return frozenset((crossover.incumbent, crossover.challenger))
