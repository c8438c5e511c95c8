"""One description of a figure, drawn twice: both drawings show the same, as it was judged."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from perceptron.analysis.collection import Collection, collection_of
from perceptron.analysis.crossover.picture import ratio_figure, sweep_figure
from perceptron.analysis.finding import finding_figure
from perceptron.figure import Figure, LineFigure
from perceptron.report.charts.as_plotly import draw as draw_plotly
from perceptron.report.charts.as_svg import draw as draw_svg
from perceptron.report.charts.palette import strokes
from perceptron.studies.answering import collect
from tests.made import everything, line

NAMES = ("numpy", "numpy-published", "torch-cpu", "torch-cuda", "numba")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(everything(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def figures(collection: Collection) -> dict[str, Figure | None]:
    (sweep,) = collection.sweeps
    overhead = (one.drawing for one in collection.studies["overhead"][0].answer.figures)
    return {
        "sweep": sweep_figure(sweep.curves, sweep.crossovers, "width"),
        "ratio": ratio_figure(sweep.crossovers[0], "width"),
        "finding": finding_figure(collection.studies["bench"][0].answer.data["finding"]),
        "map": collection.studies["map"][0].answer.figures[0].drawing,
        **dict(zip(("rungs", "phases", "roofline"), overhead, strict=True)),
    }


@pytest.mark.parametrize(
    "name", ["sweep", "ratio", "finding", "rungs", "phases", "roofline", "map"]
)
def test_every_figure_is_drawn_both_ways(figures: dict[str, Figure | None], name: str) -> None:
    """As SVG, ready to stand in a page; for plotly with the same words."""
    figure = figures[name]
    assert figure is not None
    svg = draw_svg(figure)
    assert svg.startswith("<svg")
    assert "<?xml" not in svg
    (drawn,) = draw_plotly(figure, strokes(NAMES))
    assert (drawn.alt, drawn.caption, drawn.height) == (figure.alt, figure.caption, figure.height)
    assert drawn.data


def test_a_limit_is_drawn_across_the_points(figures: dict[str, Figure | None]) -> None:
    figure = figures["roofline"]
    assert isinstance(figure, LineFigure)
    (drawn,) = draw_plotly(figure, strokes(NAMES))
    line = drawn.data[-1]
    assert list(zip(line["x"], line["y"], strict=True)) == list(figure.limit)
    without = dataclasses.replace(figure, limit=())
    assert len(draw_svg(figure)) > len(draw_svg(without))


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_svg(None) == ""
    assert draw_plotly(None, {}) == []
    assert sweep_figure([], [], "width") is None


def test_single_values_have_no_band(tmp_path: Path) -> None:
    (sweep,) = collection_of(line(processes=1)).sweeps
    figure = sweep_figure(sweep.curves, sweep.crossovers, "width")
    ratio = ratio_figure(sweep.crossovers[0], "width")
    assert figure is not None
    assert ratio is not None
    assert "Single values have no interval" in figure.caption
    looks = strokes(NAMES)
    assert len(draw_plotly(figure, looks)[0].data) == 2
    assert len(draw_plotly(ratio, looks)[0].data) == 1
    assert draw_svg(ratio).startswith("<svg")


@pytest.mark.parametrize("name", ["$x^{$", r"a_$\frac$", "_hidden", "a\nb"])
def test_untrusted_names_are_no_formulas(name: str) -> None:
    """What a drawing library might take for a formula is a name like any other."""
    rows = line(backends=(name, "b"))
    (sweep,) = collection_of(rows).sweeps
    figure = sweep_figure(sweep.curves, sweep.crossovers, name)
    ratio = ratio_figure(sweep.crossovers[0], name)
    assert draw_svg(figure).startswith("<svg")
    assert draw_svg(ratio).startswith("<svg")


def test_a_label_does_not_leave_the_figure(figures: dict[str, Figure | None]) -> None:
    """On the right of the figure it stands left of its line."""
    figure = figures["sweep"]
    assert isinstance(figure, LineFigure)
    (mark,) = figure.marks
    assert mark.x > 100, "the lines meet near the right end"
    assert mark.is_labelled_left(figure.x)
    assert not dataclasses.replace(mark, x=figure.x.low * 2).is_labelled_left(figure.x)
    (drawn,) = draw_plotly(figure, strokes(NAMES))
    assert [label["xanchor"] for label in drawn.layout["annotations"]] == ["right"]


def test_a_sweep_shows_its_bands_and_crossover(collection: Collection) -> None:
    """What is drawn is what was judged: estimates, ends of intervals, the crossover's own."""
    (sweep,) = collection.sweeps
    figure = sweep_figure(sweep.curves, sweep.crossovers, "width")
    (drawn,) = draw_plotly(figure, strokes(NAMES))
    curve = next(curve for curve in sweep.curves if curve.backend == "numpy")
    at = [trace.get("name") for trace in drawn.data].index("numpy")
    low, high, middle = drawn.data[at - 2 : at + 1]
    assert middle["x"] == [spot.size for spot in curve.spots]
    assert middle["y"] == [spot.value.estimate for spot in curve.spots]
    assert low["y"] == [spot.value.low for spot in curve.spots]
    assert high["y"] == [spot.value.high for spot in curve.spots]
    assert high["fill"] == "tonexty"
    crossover = next(one for one in sweep.crossovers if one.size)
    marked = {(shape["x0"], shape["x1"]) for shape in drawn.layout["shapes"]}
    assert {(crossover.size, crossover.size), (crossover.low, crossover.high)} <= marked


def test_a_rung_has_its_interval(collection: Collection) -> None:
    answer = collection.studies["overhead"][0].answer
    (drawn,) = draw_plotly(answer.figures[0].drawing, strokes(NAMES))
    names = drawn.layout["yaxis"]["ticktext"]
    for rung in answer.data["rungs"]:
        own = [names.index(rung.backend)]
        bar = next(one for one in drawn.data if one["y"] == own and "error_x" in one)
        (middle,), error = bar["x"], bar["error_x"]
        assert middle == rung.seconds_per_iteration
        assert middle + error["array"][0] == pytest.approx(rung.high)
        assert middle - error["arrayminus"][0] == pytest.approx(rung.low)
