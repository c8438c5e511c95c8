"""The page of races: who has a model trained first, from a fresh process and resident."""

from __future__ import annotations

from perceptron.analysis.race.result import STARTS, RaceResult, RaceStart
from perceptron.analysis.stored.collection import Collection
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.race import race_figure
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, table
from perceptron.report.tables.race import COLUMNS, cells, notes, sentence, title

SWITCHES = ("Problem", "Target", "Machine", "Run", "Threads", "Start", "dtype")


def race_views(collection: Collection, looks: plot.Looks) -> Views:
    """Return a view for each start and dtype of each race."""
    views = Views("race", SWITCHES, collection.older.get("race", 0))
    for part, result in enumerate(collection.races):
        for start in STARTS:
            for dtype in dict.fromkeys(run.dtype for run in result.runs):
                views.add(
                    part, (*race_setting(result), start, dtype), _view(result, start, dtype, looks)
                )
    return views


def race_setting(result: RaceResult) -> tuple[str, ...]:
    """Return the setting of the switches that shows this race, from its first start."""
    first = result.rows[0]
    return (
        result.problem,
        str(result.target),
        machine_name(first.machine, first.source),
        state_name(first.commit, first.when),
        str(result.threads),
    )


def _view(result: RaceResult, start: RaceStart, dtype: str, looks: plot.Looks) -> View:
    facts = result.environment
    return View(
        title=f"{title(result, start)}, {dtype}",
        lines=[
            sentence(result, start),
            f"{facts.cpu}, {facts.cores} cores.",
            *notes(result),
        ],
        figures=draw(race_figure(result, start, dtype), looks),
        tables=[table(COLUMNS, cells(result, start), "All backends and dtypes, the fastest first")],
    )
