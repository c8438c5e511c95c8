"""The tables of the page of sweeps: sizes down, backends across, and who is faster."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.disturbance import Disturbance
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.stored.sweep import Curve
from perceptron.report.dashboard.view import ViewTable, table
from perceptron.report.numbers import NONE, duration_interval, interval
from perceptron.report.tables.crossover import CROSSOVER_COLUMNS, crossover_cells
from perceptron.report.tables.device import busy_cell
from perceptron.report.tables.disturbed import with_disturbed
from perceptron.report.tables.throughput import epoch_cells


def answer_tables(crossovers: Sequence[Crossover]) -> list[ViewTable]:
    """Return a table of who is faster, none where one backend was measured alone."""
    cells = crossover_cells(crossovers)
    return [table(CROSSOVER_COLUMNS, cells, "Who is faster")] if cells else []


def times_table(curves: Sequence[Curve], times: int, axis: str, shown: str) -> ViewTable:
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
    disturbances = [
        sum(
            (spot.disturbance for curve in curves for spot in curve.spots if spot.size == size),
            start=Disturbance(),
        )
        for size in sizes
    ]
    columns, rows = with_disturbed(columns, rows, disturbances)
    kind = _interval([(spot.processes, spot.value.low) for curve in curves for spot in curve.spots])
    return table(columns, rows, f"{shown} [{kind}]")


def epoch_tables(curves: Sequence[Curve], axis: str) -> list[ViewTable]:
    """Return what the times mean for mini-batches, as `times_table`; nothing for full batches."""
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


def device_share_tables(curves: Sequence[Curve], axis: str) -> list[ViewTable]:
    """Return how busy devices are, of backends whose rows tell, as `times_table`."""
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


def ratio_table(crossover: Crossover, axis: str, title: str) -> ViewTable:
    """Return the ratios of a pair at each size."""
    kind = _interval([(at.processes, at.low) for at in crossover.ratio_at])
    columns = (f"{axis}>", f"ratio [{kind}]>", "processes>")
    rows = [
        (f"{at.size:,}", interval(at.ratio, at.low, at.high), str(at.processes))
        for at in crossover.ratio_at
    ]
    return table(columns, rows, title)


def _interval(values: Sequence[tuple[int, float | None]]) -> str:
    """Return what intervals are, by number of processes and lower end: ours, or stated as well."""
    stated = any(processes == 1 and low is not None for processes, low in values)
    return "95 % interval; of one process the 99 % stated" if stated else "95 % interval"


def _duration(value: Interval) -> str:
    return duration_interval(value.estimate, value.low, value.high)
