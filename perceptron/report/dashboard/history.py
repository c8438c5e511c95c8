"""The page of history: each of asv's cases over commits, with the steps in it."""

from __future__ import annotations

from perceptron.analysis.collection import Collection
from perceptron.analysis.history import CaseHistory, Segment
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.sizes import size_axis
from perceptron.numbers import duration, duration_interval, interval, tick
from perceptron.report.charts.as_plotly import SYMBOLS, Looks, Trace, ViewFigure
from perceptron.report.dashboard.answers import View, Views, table, view
from perceptron.report.dashboard.page import machine_name
from perceptron.untrusted_text import for_plotly

SWITCHES = ("Family", "Machine", "Environment", "Size", "Backend")
STEP_COLUMNS = (
    "from commit",
    "to commit",
    "commits>",
    "level [95% interval]>",
    "change [95% interval]>",
)


def history_views(collection: Collection, looks: Looks) -> Views:
    """Return a view for each case; those of one machine and family are in a file."""
    views = Views("history", SWITCHES)
    parts: dict[tuple[str, ...], int] = {}
    for past in collection.histories:
        row = past.row
        setting = (
            row.family,
            machine_name(row.machine, row.source),
            row.environment or "not stated",
            f"{row.size:,}",
            row.backend,
        )
        part = parts.setdefault(setting[:2], len(parts))
        views.add(part, setting, _view(past, looks))
    return views


def _view(past: CaseHistory, looks: Looks) -> View:
    steps = len(past.steps) - 1
    summary = "no step was detected" if steps < 1 else f"{steps} step{'s' if steps > 1 else ''}"
    first, last, row = past.points[0], past.points[-1], past.row
    return view(
        f"{row.family}, {size_axis(row.family)} {row.size:,}, {row.backend}",
        [
            f"{len(past.points)} commits from {first.committed[:10]} to {last.committed[:10]}: "
            f"{summary}.",
            "A dot is one process at one commit; by itself it has no interval. A level's interval "
            "comes from the dots of its commits. Steps are found as asv finds them.",
        ],
        [_figure(past, looks)],
        [table(STEP_COLUMNS, [_cells(past, step) for step in past.steps], "Levels")],
    )


def _figure(past: CaseHistory, looks: Looks) -> ViewFigure:
    look = looks[past.row.backend]
    dots: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": for_plotly(past.row.backend),
        "x": list(range(len(past.points))),
        "y": [point.seconds for point in past.points],
        "marker": {"color": f"{look.token}/0.55", "symbol": SYMBOLS[look.marker], "size": 6},
        "text": [
            for_plotly(f"{point.commit}, {point.committed[:10]}: {duration(point.seconds)}")
            for point in past.points
        ],
        "hoverinfo": "text",
    }
    levels = [_level(past, step) for step in past.steps]
    shown = _places(len(past.points))
    return ViewFigure(
        alt=f"Time per iteration of {past.row.backend} over {len(past.points)} commits: "
        + "; ".join(_words(past, step) for step in past.steps),
        caption="Lines are levels between steps. Commits are in the order of their dates, evenly "
        "spread.",
        height=420,
        data=[dots, *levels],
        layout={
            "xaxis": {
                "title": {"text": "commit"},
                "tickvals": shown,
                "ticktext": [for_plotly(past.points[index].committed[:10]) for index in shown],
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": _axis(past),
            "showlegend": False,
        },
    )


def _axis(past: CaseHistory) -> Trace:
    """Linear from zero, so that a step looks as large as it is; in a unit that people read."""
    most = max(point.seconds for point in past.points)
    ticks = [most * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return {
        "title": {"text": "time per iteration"},
        "range": [0, most * 1.08],
        "tickvals": ticks,
        "ticktext": ["0", *(tick(float(f"{value:.3g}")) for value in ticks[1:])],
        "zeroline": False,
    }


def _level(past: CaseHistory, step: Segment) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [step.first - 0.5, step.last + 0.5],
        "y": [step.level.estimate] * 2,
        "line": {"color": "--ink", "width": 2.5},
        "text": [for_plotly(_words(past, step), 300)] * 2,
        "hoverinfo": "text",
    }


def _places(count: int) -> list[int]:
    most = min(6, count)
    return sorted({round(index * (count - 1) / max(1, most - 1)) for index in range(most)})


def _words(past: CaseHistory, step: Segment) -> str:
    level = _seconds(step.level)
    change = _change(step)
    return f"{level} from {past.points[step.first].commit}" + (f" ({change})" if change else "")


def _change(step: Segment) -> str:
    if step.change is None:
        return ""
    percent = scaled(step.change, 100)
    return f"{interval(percent.estimate, percent.low, percent.high)} %"


def _seconds(level: Interval) -> str:
    return duration_interval(level.estimate, level.low, level.high)


def _cells(past: CaseHistory, step: Segment) -> tuple[str, ...]:
    return (
        past.points[step.first].commit,
        past.points[step.last].commit,
        str(step.last - step.first + 1),
        _seconds(step.level),
        _change(step) or "–",
    )
