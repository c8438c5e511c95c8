"""Views of the page of sweeps that show one backend on several machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perceptron.analysis.crossover.sweep import Sweep
from perceptron.analysis.finding import ITERATIONS
from perceptron.analysis.fleet.one_backend import (
    BackendOnMachines,
    MachineCurve,
    backends_on_machines,
)
from perceptron.analysis.interval import scaled
from perceptron.analysis.sizes import size_axis
from perceptron.analysis.training import training_name
from perceptron.numbers import duration_interval
from perceptron.report.charts.as_plotly import Looks, draw
from perceptron.report.charts.machines import machines_figure
from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, ViewTable, table

SEVERAL = "several, one backend"
"""What the switch of machines says where a figure has a line for each."""
_NEWEST = "newest of each machine"
_OWN_THREADS = "each line its own"
# What a size is that a machine did not measure.
_ABSENT = "not measured"

Setting = tuple[str, ...]


def machine_views(sweeps: Sequence[Sweep], looks: Looks) -> Iterator[tuple[Setting, View]]:
    """Yield the views of each backend that two machines measured, with their settings."""
    for group in backends_on_machines(sweeps):
        where = (
            group.family,
            SEVERAL,
            f"{_NEWEST}, definition {group.definition + 1}" if group.definition else _NEWEST,
            group.ground.dtype or "not stated",
            _OWN_THREADS,
            training_name(group.ground),
        )
        for shown, times in _shown(group):
            yield (*where, f"{group.backend}: {shown}"), _view(group, shown, times, looks)


def _shown(group: BackendOnMachines) -> list[tuple[str, int]]:
    if not group.per_iteration:
        return [("time", 1)]
    return [("time per iteration", 1), (f"whole training, {ITERATIONS:,} iterations", ITERATIONS)]


def _view(group: BackendOnMachines, shown: str, times: int, looks: Looks) -> View:
    # More lines in one figure cannot be told apart.
    newest = sorted(range(len(group.curves)), key=lambda at: group.curves[at].when, reverse=True)
    drawn = [group.curves[at] for at in sorted(newest[: len(MACHINES)])]
    machines = len({(one.machine, one.source) for one in group.curves})
    lines = [
        f"{group.backend} on {machines:,} machines, {group.ground.dtype or 'dtype not stated'}: "
        "the newest sweep of each, with its number of threads."
    ]
    if len(drawn) < len(group.curves):
        lines.append(
            f"Of {len(group.curves):,} lines the {len(drawn)} newest are drawn; the table has all."
        )
    named = [(_label(one), one) for one in drawn]
    return View(
        title=f"{group.family}: {group.backend} on several machines, {shown}",
        lines=lines,
        figures=draw(machines_figure(group, named, shown, times), looks),
        tables=[_values(group, shown, times)],
    )


def _label(one: MachineCurve) -> str:
    return f"{machine_name(one.machine, one.source)}, {_threads(one)}"


def _threads(one: MachineCurve) -> str:
    if one.threads is None:
        return "threads not stated"
    return "1 thread" if one.threads == 1 else f"{one.threads:,} threads"


def _values(group: BackendOnMachines, shown: str, times: int) -> ViewTable:
    """Return the times as a table: machines down, sizes across."""
    axis = size_axis(group.family, group.axis)
    sizes = sorted({spot.size for one in group.curves for spot in one.curve.spots})
    rows = [
        (
            machine_name(one.machine, one.source),
            "not stated" if one.threads is None else f"{one.threads:,}",
            state_name(one.commit, one.when),
            *_cells(one, sizes, times),
        )
        for one in group.curves
    ]
    columns = ("machine", "threads>", "commit", *(f"{axis} {size:,}>" for size in sizes))
    return table(columns, rows, f"{group.backend}, {shown} [95% interval]")


def _cells(one: MachineCurve, sizes: Sequence[float], times: int) -> list[str]:
    values = {spot.size: scaled(spot.value, times) for spot in one.curve.spots}
    return [
        duration_interval(value.estimate, value.low, value.high)
        if (value := values.get(size)) is not None
        else _ABSENT
        for size in sizes
    ]
