from __future__ import annotations

from typing import Any

import pytest

from perceptron.analysis.stored.collection import Collection, collect
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.plot import ViewFigure
from perceptron.report.charts.sweep import ITERATION
from perceptron.report.dashboard.ladders import ladder_views
from perceptron.report.dashboard.sweeps import sweep_views
from perceptron.report.dashboard.view import Views
from tests.made import everything

NAMES = ("numpy", "numpy-published", "torch-cpu", "torch-cuda", "numba")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(everything(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def looks() -> dict[str, plot.Look]:
    return plot.looks(strokes(NAMES))


def first(views: Views, *texts: str) -> ViewFigure:
    """Return the first figure of the first view whose setting holds these texts."""
    listed = next(listed for listed in views.index["views"] if set(texts) <= set(listed["is"]))
    return views.files[listed["file"]][listed["name"]].figures[0]


def named(figure: ViewFigure, name: str) -> dict[str, Any]:
    """Return the line of a name, not the edges of its band."""
    return next(trace for trace in figure.data if trace.get("name") == name)


def test_a_sweep_shows_its_times_bands_and_crossover(
    collection: Collection, looks: dict[str, plot.Look]
) -> None:
    """What is drawn is what was judged: estimates, ends of intervals, the crossover's own."""
    sweep = next(
        sweep
        for sweep in collection.sweeps
        if any(crossover.size for crossover in sweep.crossovers)
    )
    figure = first(sweep_views(collection, looks), sweep.family, ITERATION)
    curve = next(curve for curve in sweep.curves if curve.backend == "numpy")
    index = figure.data.index(named(figure, "numpy"))
    low, high, line = figure.data[index - 2 : index + 1]
    assert line["x"] == [spot.size for spot in curve.spots]
    assert line["y"] == [spot.value.estimate for spot in curve.spots]
    assert low["y"] == [spot.value.low for spot in curve.spots]
    assert high["y"] == [spot.value.high for spot in curve.spots]
    assert high["fill"] == "tonexty"
    crossover = next(crossover for crossover in sweep.crossovers if crossover.size)
    drawn = {(shape["x0"], shape["x1"]) for shape in figure.layout["shapes"]}
    assert {(crossover.size, crossover.size), (crossover.low, crossover.high)} <= drawn
    assert any("torch-cpu from" in label["text"] for label in figure.layout["annotations"])


def test_a_rung_has_its_interval(collection: Collection, looks: dict[str, plot.Look]) -> None:
    (ladder,) = collection.ladders
    figure = first(ladder_views(collection, looks), ladder.problem)
    names = figure.layout["yaxis"]["ticktext"]
    for rung in ladder.rungs:
        own = [names.index(rung.backend)]
        trace = next(trace for trace in figure.data if trace["y"] == own and "error_x" in trace)
        assert rung.seconds_per_iteration is not None
        assert rung.low is not None
        assert rung.high is not None
        assert trace["x"] == [rung.seconds_per_iteration]
        above, below = trace["error_x"]["array"][0], trace["error_x"]["arrayminus"][0]
        assert rung.seconds_per_iteration + above == pytest.approx(rung.high)
        assert rung.seconds_per_iteration - below == pytest.approx(rung.low)
