"""The page of ladders: one iteration, rung by rung down to the floor, and its phases."""

from __future__ import annotations

from perceptron.analysis.over_processes import are_several, name_and_processes
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.stored.collection import Collection
from perceptron.numbers import duration, duration_interval
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.ladder import ladder_figure
from perceptron.report.charts.plot import Trace, ViewFigure
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, table
from perceptron.report.tables.device import (
    PART_COLUMNS,
    PART_TITLE,
    SHARE_COLUMNS,
    SHARE_TITLE,
    energy_lines,
    part_cells,
    share_cells,
    state_lines,
)
from perceptron.report.tables.ladder import (
    harness_line,
    ladder_threads,
    no_floor_line,
    phase_table,
    rung_table,
)
from perceptron.untrusted_text import for_plotly

SWITCHES = ("Problem", "Machine", "Run", "Threads")


def ladder_views(collection: Collection, looks: plot.Looks) -> Views:
    """Return a view for each ladder."""
    views = Views("ladder", SWITCHES, collection.older.get("overhead", 0))
    for part, ladder in enumerate(collection.ladders):
        views.add(part, ladder_setting(ladder), _view(ladder, looks))
    return views


def ladder_setting(ladder: OverheadResult) -> tuple[str, ...]:
    """Return the setting of the switches that shows this ladder."""
    first = ladder.rows[0]
    return (
        ladder.problem,
        machine_name(first.machine, first.source),
        state_name(first.commit, first.when),
        ", over ".join(filter(None, (str(ladder.threads), _processes(ladder)))),
    )


def _processes(ladder: OverheadResult) -> str:
    """Return over how many processes its first rungs train, where these are several."""
    names = [rung.backend for rung in ladder.rungs]
    if not are_several(names):
        return ""
    counts = sorted({processes for _, processes in map(name_and_processes, names)})
    return f"{' and '.join(map(str, counts))} processes"


def _view(ladder: OverheadResult, looks: plot.Looks) -> View:
    facts = ladder.environment
    lines = [
        f"{facts.cpu}, {facts.cores} cores, {ladder_threads(ladder)}.",
        no_floor_line(ladder)
        or "Each rung does away with one thing; what is left at the floor is the arithmetic.",
        harness_line(ladder),
        *energy_lines(ladder.rungs),
        *state_lines(ladder.gpus),
    ]
    tables = [table(*rung_table(ladder), "The rungs [95 % interval]")]
    if ladder.phases:
        title = "Inside one eager iteration, by the difference of loops with and without a phase"
        tables.append(table(*phase_table(ladder), title))
    if shares := share_cells(ladder.rungs):
        title = f"{SHARE_TITLE}: how much of the time it is busy by its own events"
        tables.append(table(SHARE_COLUMNS, shares, title))
    if ladder.device:
        title = f"{PART_TITLE}, each measured by itself [95 % interval]"
        tables.append(table(PART_COLUMNS, part_cells(ladder.device), title))
    return View(
        title=f"One iteration of {ladder.problem}, rung by rung",
        lines=[line for line in lines if line],
        figures=[*draw(ladder_figure(ladder), looks), *_phases(ladder, looks)],
        tables=tables,
    )


def _phases(ladder: OverheadResult, looks: plot.Looks) -> list[ViewFigure]:
    """Return the phases of each backend end to end, in the order in which they run."""
    if not ladder.phases:
        return []
    backends = list(dict.fromkeys(phase.backend for phase in ladder.phases))
    names = list(dict.fromkeys(phase.phase for phase in ladder.phases))
    by_name = {(phase.backend, phase.phase): phase for phase in ladder.phases}
    traces: list[Trace] = []
    for index, name in enumerate(names):
        own = [by_name[backend, name] for backend in backends if (backend, name) in by_name]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": for_plotly(name),
                "y": [for_plotly(phase.backend) for phase in own],
                "x": [max(0.0, phase.seconds_per_iteration) * 1e6 for phase in own],
                "marker": {
                    "color": [
                        f"{looks[phase.backend].colour}/{0.95 - 0.7 * index / len(names):.2f}"
                        for phase in own
                    ],
                    "line": {"color": "--paper", "width": 1},
                },
                "text": [
                    for_plotly(
                        f"{name}: "
                        + duration_interval(phase.seconds_per_iteration, phase.low, phase.high),
                        300,
                    )
                    for phase in own
                ],
                "textposition": "none",
                "hoverinfo": "text",
            }
        )
    summary = "; ".join(
        f"{phase.backend} {phase.phase} {duration(phase.seconds_per_iteration)}"
        for phase in ladder.phases
    )
    return [
        ViewFigure(
            alt=f"Phases of one iteration of {ladder.problem}: {summary}",
            caption="Phases in the order in which they run, from the left, paler from one to the "
            "next. The table has their intervals.",
            height=90 * len(backends) + 150,
            data=traces,
            layout={
                "barmode": "stack",
                "legend": {"traceorder": "normal"},
                "xaxis": {"title": {"text": "µs of one iteration"}, "rangemode": "tozero"},
                "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
            },
        )
    ]
