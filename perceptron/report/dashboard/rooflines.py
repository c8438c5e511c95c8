"""The page of the roofline: how near each backend comes to what the machine can do."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, log10

from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.overhead.roofline import Ceilings, roofs
from perceptron.analysis.overhead.rung import Rung
from perceptron.analysis.stored.collection import Collection
from perceptron.figure import log_axis
from perceptron.numbers import digits
from perceptron.report.charts import plot
from perceptron.report.charts.plot import Trace, ViewFigure
from perceptron.report.dashboard.page import machine_name
from perceptron.report.dashboard.view import View, Views, table
from perceptron.report.tables.device import busy_words, state_lines
from perceptron.report.tables.ladder import (
    ROOFLINE_COLUMNS,
    roofless_lines,
    roofline_cells,
    roofline_title,
)
from perceptron.untrusted_text import for_plotly

SWITCHES = ("Machine", "Threads")


def roofline_views(collection: Collection, looks: plot.Looks) -> Views:
    """Return a view for each machine and number of threads, of all problems with a ladder."""
    groups: dict[tuple[str, str], list[OverheadResult]] = {}
    for ladder in collection.ladders:
        if ladder.ceilings and ladder.operations > 0 and ladder.bytes_moved > 0:
            setting = (
                machine_name(ladder.rows[0].machine, ladder.rows[0].source),
                str(ladder.threads),
            )
            groups.setdefault(setting, []).append(ladder)
    views = Views("roofline", SWITCHES, collection.older.get("overhead", 0))
    for part, (setting, members) in enumerate(groups.items()):
        views.add(part, setting, _view(members, looks))
    return views


def _view(members: list[OverheadResult], looks: plot.Looks) -> View:
    facts = members[0].environment
    # Of several runs on a device the best: a ceiling is what can be done.
    limits = roofs([limit for ladder in members for limit in ladder.ceilings])
    return View(
        title="How near to what the machine can do",
        lines=[
            f"{facts.cpu}, {facts.cores} cores, {members[0].threads} threads.",
            "A point is a backend on a problem: how much arithmetic there is for each byte that "
            "the mathematics reads or writes once, and how much arithmetic a second got done. No "
            "point can lie above the roof; what lies far below it waits for something else, on "
            "small problems for calls from Python. A point above the slope reads from a cache.",
            *_several(limits),
            *dict.fromkeys(line for ladder in members for line in roofless_lines(ladder)),
            *dict.fromkeys(line for ladder in members for line in state_lines(ladder.gpus)),
        ],
        figures=[
            _figure(members, roof, looks)
            for roof in limits
            if len(limits) == 1 or any(_rungs_on(ladder, roof) for ladder in members)
        ],
        tables=[
            table(ROOFLINE_COLUMNS, cells, f"{ladder.problem}. {roofline_title(ladder, roof)}")
            for ladder in members
            for roof in roofs(ladder.ceilings)
            if (cells := roofline_cells(ladder, roof))
        ],
    )


def _several(limits: Sequence[Ceilings]) -> list[str]:
    if len(limits) < 2:
        return []
    return [
        "Each device has a roof of its own, with the backends that ran on it below: "
        + "; ".join(limit.name for limit in limits)
        + ". On a device a backend that leaves it waiting is bound by launches."
    ]


def _rungs_on(ladder: OverheadResult, roof: Ceilings) -> list[tuple[Rung, float]]:
    """Return the rungs on this roof's device with what they reached."""
    return [
        (rung, rung.gflops)
        for rung in ladder.rungs
        if rung.device == roof.device and rung.gflops is not None
    ]


def _figure(members: list[OverheadResult], limits: Ceilings, looks: plot.Looks) -> ViewFigure:
    traces: list[Trace] = []
    heights: list[float] = []
    shown = [ladder for ladder in members if _rungs_on(ladder, limits)] or members
    for ladder in shown:
        for rung, gflops in _rungs_on(ladder, limits):
            heights.append(gflops)
            words = f"{rung.backend} on {ladder.problem}: {digits(gflops, 2)} GFLOP/s"
            bound = f"bound by {rung.bound or 'unknown'}{busy_words(rung.busy_share)}"
            look = looks[rung.backend]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": for_plotly(rung.backend),
                    "legendgroup": plot.legend_group(rung.backend),
                    "showlegend": not any(
                        trace["name"] == for_plotly(rung.backend) for trace in traces
                    ),
                    "x": [_intensity(ladder)],
                    "y": [gflops],
                    "marker": {"color": look.colour, "symbol": look.symbol, "size": 11},
                    "text": [for_plotly(f"{words}, {bound}", 300)],
                    "hoverinfo": "text",
                }
            )
    across = [_intensity(ladder) for ladder in shown]
    product, copy = limits.gflops, limits.gbytes
    ridge = product / copy
    across += [ridge * 4, min(across) / 4, ridge / 4]
    low, high = min(across), max(across)
    roof = [(low, low * copy), (ridge, product), (high, product)]
    is_host = not is_beside_host(limits.device)
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "the machine's ceilings" if is_host else for_plotly(f"roof: {limits.name}"),
            "x": [x for x, _ in roof],
            "y": [y for _, y in roof],
            "line": {"color": "--ink", "width": 2},
            "hoverinfo": "skip",
        }
    )
    problems = ", ".join(ladder.problem for ladder in shown)
    of = "" if is_host else f" of {limits.device}, measured by {limits.backend}"
    return ViewFigure(
        alt=f"Arithmetic a second over arithmetic a byte, both logarithmic, for {problems}; "
        f"the roof{of} is {digits(product)} GFLOP/s and {digits(copy)} GB/s. The tables have the "
        "numbers",
        caption=f"The roof{of}: a large product reached {digits(product)} GFLOP/s, a large copy "
        f"{digits(copy)} GB/s, the best of the processes of these runs.",
        height=480,
        data=traces,
        layout={
            "xaxis": plot.axis(log_axis(across, _number, 10, "operations for each byte")),
            "yaxis": plot.axis(
                log_axis([*heights, *(y for _, y in roof)], _number, 10, "GFLOP/s that got done")
            ),
            "annotations": _problems(shown),
        },
    )


def _problems(members: list[OverheadResult]) -> list[Trace]:
    """Return the name of each problem above its points."""
    labels: list[Trace] = []
    intensities: list[float] = []
    for ladder in members:
        intensity = _intensity(ladder)
        level = sum(isclose(intensity, other, rel_tol=1.0) for other in intensities)
        intensities.append(intensity)
        labels.append(
            {
                "xref": "x",
                "yref": "paper",
                "x": log10(intensity),
                "y": 1 - 0.06 * level,
                "yanchor": "bottom",
                "text": for_plotly(ladder.problem, 40),
                "showarrow": False,
                "font": {"size": 12, "color": "--soft"},
            }
        )
    return labels


def _intensity(ladder: OverheadResult) -> float:
    return ladder.operations / ladder.bytes_moved


def _number(value: float) -> str:
    return f"{value:g}"
