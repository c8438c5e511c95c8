"""The page of ladders: one iteration, rung by rung down to the floor, and its phases."""

from __future__ import annotations

from perceptron.analysis.interval import Interval
from perceptron.analysis.overhead.ladder import OverheadResult, Rung
from perceptron.analysis.stored.collection import Collection
from perceptron.report.charts import plot
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.dashboard.section import PageTable
from perceptron.report.dashboard.view import Trace, View, ViewFigure, Views, table
from perceptron.report.numbers import digits, duration, duration_interval, tick
from perceptron.report.tables.ladder import (
    PHASE_COLUMNS,
    RUNG_COLUMNS,
    harness_line,
    phase_cells,
    rung_cells,
)
from perceptron.untrusted_text import for_plotly

SWITCHES = ("Problem", "Machine", "Run", "Threads")
_ROOM = 46  # pixels of a rung


def ladder_views(found: Collection, looks: plot.Looks) -> Views:
    """A view for each ladder."""
    views = Views("ladder", SWITCHES)
    for part, each in enumerate(found.ladders):
        views.add(part, ladder_place(each), _view(each, looks))
    return views


def ladder_place(found: OverheadResult) -> tuple[str, ...]:
    """The setting of the switches that shows this ladder."""
    first = found.rows[0]
    return (
        found.problem,
        machine_name(first.machine, first.source),
        state_name(first.commit, first.when),
        str(found.threads),
    )


def _view(found: OverheadResult, looks: plot.Looks) -> View:
    facts = found.environment
    lines = [
        f"{facts.cpu}, {facts.cores} cores, {found.threads} threads.",
        "Each rung does away with one thing; what is left at the floor is the arithmetic.",
        harness_line(found),
    ]
    tables = [table(PageTable(RUNG_COLUMNS, rung_cells(found.rungs), "The rungs [95 % interval]"))]
    if found.phases:
        title = "Inside one eager iteration, by the difference of loops with and without a phase"
        tables.append(table(PageTable(PHASE_COLUMNS, phase_cells(found), title)))
    return View(
        title=f"One iteration of {found.problem}, down to the floor",
        lines=[line for line in lines if line],
        figures=[*_rungs(found, looks), *_phases(found, looks)],
        tables=tables,
    )


def _rungs(found: OverheadResult, looks: plot.Looks) -> list[ViewFigure]:
    rungs = [rung for rung in found.rungs if rung.seconds_per_iteration is not None]
    if not rungs:
        return []
    names = [rung.backend for rung in rungs]
    extra = [name for name in found.published if name not in names]
    order = [*extra, *names]
    traces = [
        _rung(rung, looks[rung.backend], beside=rung.backend in found.published) for rung in rungs
    ]
    traces += [
        _published(name, seconds, looks.get(name)) for name, seconds in found.published.items()
    ]
    seconds = [rung.seconds_per_iteration or 1.0 for rung in rungs]
    axis = plot.log_axis([*seconds, *found.published.values()], tick, 10, "one iteration")
    axis["range"][0] -= 0.3
    axis["range"][1] += 0.9  # for the numbers beside the dots
    told = "; ".join(f"{rung.backend} {_words(rung)}" for rung in rungs)
    return [
        ViewFigure(
            alt=f"Time of one iteration of {found.problem} by backend, logarithmic: {told}",
            caption="Lower rungs do the same arithmetic. Filled: measured here, with 95 % "
            "intervals over fresh processes, often smaller than the dot. Open: as published, on "
            "hardware that is not named. ×: times the floor.",
            height=_ROOM * len(order) + 110,
            data=traces,
            layout={
                "xaxis": axis,
                "yaxis": {
                    "type": "category",
                    "dtick": 1,  # every name, however many there are
                    "categoryorder": "array",
                    "categoryarray": [for_plotly(name) for name in reversed(order)],
                    "showgrid": False,
                },
                "showlegend": False,
            },
        )
    ]


def _rung(rung: Rung, look: plot.Look, beside: bool) -> Trace:
    """A dot with its bar and number; on the left where a published one lies ``beside`` it."""
    seconds = Interval(rung.seconds_per_iteration or 1.0, rung.low, rung.high)
    high, low = seconds.high or seconds.estimate, seconds.low or seconds.estimate
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [seconds.estimate],
        "y": [for_plotly(rung.backend)],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - seconds.estimate],
            "arrayminus": [seconds.estimate - low],
            "color": look.colour,
        },
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 12},
        "text": [_short(rung)],
        "textposition": "middle left" if beside else "middle right",
        "textfont": {"color": "--ink"},
        "hovertext": [for_plotly(f"{rung.backend}: {_words(rung)}; removes {rung.removes}", 300)],
        "hoverinfo": "text",
    }


def _published(name: str, seconds: float, look: plot.Look | None) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [seconds],
        "y": [for_plotly(name)],
        "marker": {
            "color": look.colour if look else "--soft",
            "symbol": f"{look.symbol if look else 'circle'}-open",
            "size": 12,
        },
        "text": [duration(seconds)],
        "textposition": "top center",
        "textfont": {"color": "--soft"},
        "hovertext": [for_plotly(f"{name}: {duration(seconds)} as published", 300)],
        "hoverinfo": "text",
    }


def _short(rung: Rung) -> str:
    """The time and how many times the floor, in two lines: a phone has no room for more."""
    told = duration(rung.seconds_per_iteration or 1.0)
    if rung.ratio_to_floor is None or rung.ratio_low == rung.ratio_high == 1:
        return f"  {told}"
    return f"  {told}  <br>  {digits(rung.ratio_to_floor, 2)} ×  "


def _words(rung: Rung) -> str:
    told = duration_interval(rung.seconds_per_iteration or 1.0, rung.low, rung.high)
    if rung.ratio_to_floor is None or rung.ratio_low == rung.ratio_high == 1:
        return f"{told}, the floor"
    return f"{told}, {digits(rung.ratio_to_floor, 2)} × the floor"


def _phases(found: OverheadResult, looks: plot.Looks) -> list[ViewFigure]:
    """The phases of each backend end to end, in the order in which they run."""
    if not found.phases:
        return []
    backends = list(dict.fromkeys(phase.backend for phase in found.phases))
    names = list(dict.fromkeys(phase.phase for phase in found.phases))
    by_place = {(phase.backend, phase.phase): phase for phase in found.phases}
    traces: list[Trace] = []
    for place, name in enumerate(names):
        own = [by_place[backend, name] for backend in backends if (backend, name) in by_place]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": for_plotly(name),
                "y": [for_plotly(phase.backend) for phase in own],
                "x": [max(0.0, phase.seconds_per_iteration) * 1e6 for phase in own],
                "marker": {
                    "color": [
                        f"{looks[phase.backend].colour}/{0.95 - 0.7 * place / len(names):.2f}"
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
    told = "; ".join(
        f"{phase.backend} {phase.phase} {duration(phase.seconds_per_iteration)}"
        for phase in found.phases
    )
    return [
        ViewFigure(
            alt=f"Phases of one iteration of {found.problem}: {told}",
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
