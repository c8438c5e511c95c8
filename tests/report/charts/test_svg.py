"""Figures as SVG: every kind, as it was judged, whatever the names are."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.figure import (
    Axis,
    BarFigure,
    Dot,
    DotFigure,
    Figure,
    Line,
    LineFigure,
    MapFigure,
    Mark,
    dots_axis,
)
from perceptron.questions.answering import collect
from perceptron.questions.bench.finding import finding_figure
from perceptron.questions.collection import Collection, collection_of
from perceptron.questions.crossover.figures import ratio_figure, sweep_figure
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.svg import NARROW, WIDE, draw
from tests.made import everything, line

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("numpy", "numpy-published", "torch-cpu", "torch-cuda", "numba")
ELEMENTS = {"svg", "rect", "path", "circle", "g", "title", "text", "tspan"}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(everything(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def figures(collection: Collection) -> dict[str, Figure | None]:
    (sweep,) = collection.sweeps
    overhead = (element.drawing for element in collection.studies["overhead"][0].answer.figures)
    return {
        "sweep": sweep_figure(sweep.curves, sweep.crossovers, "width"),
        "ratio": ratio_figure(sweep.crossovers[0], "width"),
        "finding": finding_figure(collection.studies["bench"][0].answer.data["finding"]),
        "map": collection.studies["map"][0].answer.figures[0].drawing,
        **dict(zip(("rungs", "phases", "roofline"), overhead, strict=True)),
    }


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)  # noqa: S314 our own


def titles(drawing: str) -> list[str | None]:
    """What is shown where a reader points."""
    return [title.text for title in parsed(drawing).iter(f"{SVG}title")]


@pytest.mark.parametrize(
    "name", ["sweep", "ratio", "finding", "rungs", "phases", "roofline", "map"]
)
def test_svg_figure_has_text_of_each_point(figures: dict[str, Figure | None], name: str) -> None:
    """For a page in its colours, for a document in plain ones; equal figures give equal bytes."""
    figure = figures[name]
    assert figure is not None
    alone, on_page = draw(figure), draw(figure, strokes(NAMES))
    assert "var(" not in alone
    assert "var(--ink" in on_page
    assert draw(figure) == alone
    assert titles(on_page) == titles(alone)
    match figure:
        case LineFigure():
            texts = [text for line in figure.lines for text in line.texts]
        case DotFigure():
            texts = [dot.text for dot in figure.dots]
        case BarFigure():
            texts = [bar.text for bar in figure.bars]
        case MapFigure():
            texts = [cell.text for row in figure.cells for cell in row]
    assert sorted(map(str, titles(alone))) == sorted(texts)


def lines(*points: tuple[float, float], band: float | None = None) -> LineFigure:
    axis = Axis(title="size", low=1.0, high=100.0, ticks=((10.0, "ten"),))
    x, y = zip(*points, strict=True)
    return LineFigure(
        alt="",
        caption="",
        height=400,
        x=axis,
        y=axis,
        lines=(
            Line(
                backend="numpy",
                label="numpy",
                x=x,
                y=y,
                low=tuple(band and value / band for value in y),
                high=tuple(band and value * band for value in y),
                texts=tuple(map(str, y)),
            ),
        ),
        marks=(Mark(80.0, "torch-cpu from size 80", 0),),
    )


def test_svg_point_lies_at_its_value() -> None:
    """In the middle of logarithms; beyond an axis at its edge."""
    drawn = parsed(draw(lines((1.0, 1.0), (10.0, 10.0), (100.0, 1e6))))
    first, middle, last = (
        (float(point.get("cx", "")), float(point.get("cy", "")))
        for group in drawn.findall(f"{SVG}g")
        for point in group.iter(f"{SVG}circle")
    )
    for at in (0, 1):
        assert middle[at] == pytest.approx((first[at] + last[at]) / 2, abs=0.2)
    assert first[1] > last[1], "larger is higher"


def test_svg_value_without_interval_has_no_band() -> None:
    points = ((2.0, 2.0), (4.0, 4.0))
    assert "fill-opacity" not in draw(lines(*points))
    assert draw(lines(*points, band=2.0)).count("fill-opacity") == 1


def test_svg_label_stays_inside_figure() -> None:
    """On the right of the figure it stands left of its line."""
    figure = lines((2.0, 2.0))
    assert 'text-anchor="end"><tspan' in draw(figure).partition("torch-cpu from")[0][-120:]
    early = dataclasses.replace(figure, marks=(Mark(2.0, "torch-cpu from size 2", 0),))
    assert 'text-anchor="start"><tspan' in draw(early).partition("torch-cpu from")[0][-120:]


@pytest.mark.parametrize("size", [9.0, 12.0])
def test_svg_label_avoids_its_line(size: float) -> None:
    """On a narrow drawing, and above the axis."""
    figure = dataclasses.replace(
        lines((2.0, 2.0)), marks=(Mark(size, "torch-cpu from width 1,730", 0),)
    )
    drawn = parsed(draw(figure, width=NARROW))
    (mark,) = (
        element for element in drawn.iter(f"{SVG}path") if element.get("stroke-dasharray") == "1 3"
    )
    (at,) = {float(point.partition(",")[0]) for point in mark.get("d", "")[1:].split()}
    (label,) = (
        element for element in drawn.iter(f"{SVG}text") if "torch" in "".join(element.itertext())
    )
    anchor, spans = label.get("text-anchor"), list(label.iter(f"{SVG}tspan"))
    assert [span.text for span in spans] == ["torch-cpu from", "width 1,730"]
    assert all((float(span.get("x", "")) > at) == (anchor == "start") for span in spans)
    assert max(float(span.get("y", "")) for span in spans) < 400 - 52


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("published", [0.011, 0.02, 1.0])
def test_svg_dot_label_avoids_markers_and_labels(width: int, published: float) -> None:
    """However close the published time is to the measured one."""
    times = ((0.01, False), (published, True))
    dots = tuple(
        Dot(
            row=0,
            backend="numpy",
            seconds=seconds,
            low=seconds,
            high=seconds,
            label=f"{seconds:g} seconds",
            text="",
            published=is_published,
        )
        for seconds, is_published in times
    )
    axis = dots_axis(dots, "{:g}".format, "time")
    figure = DotFigure(
        alt="", caption="", key="", height=200, x=axis, rows=("numpy",), dots=dots, absent=()
    )
    drawn = parsed(draw(figure, width=width))
    markers = [
        (float(element.get("cx", "")), float(element.get("cy", "")))
        for element in drawn.iter(f"{SVG}circle")
    ]
    boxes = [
        label_box(text) for text in drawn.iter(f"{SVG}text") if " sec" in "".join(text.itertext())
    ]
    assert (len(markers), len(boxes)) == (2, 2)
    for left, right, y in boxes:
        assert 0 <= left < right <= width
        assert all(x + 5 < left or right < x - 5 or abs(y - cy) > 12 for x, cy in markers)
    (element, two) = boxes
    assert element[1] < two[0] or two[1] < element[0] or abs(element[2] - two[2]) > 12


def label_box(text: ElementTree.Element) -> tuple[float, float, float]:
    """Return where a text begins and ends, at six pixels a letter, and the height of its middle."""
    (line,) = text.iter(f"{SVG}tspan")
    long = 6.0 * len(line.text or "")
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "start")]
    left = float(line.get("x", "")) - shift * long
    return left, left + long, float(line.get("y", "")) - 4.5


def test_svg_of_nothing_is_empty() -> None:
    assert draw(None) == ""
    assert sweep_figure([], [], "width") is None


class Elements(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attributes}


@given(name=st.text(min_size=1) | st.sampled_from(['"><script>', "</svg><img onerror=x>", "a\nb"]))
def test_svg_name_is_never_markup(name: str) -> None:
    (sweep,) = collection_of(line(backends=(name, "b"))).sweeps
    for figure in (
        sweep_figure(sweep.curves, sweep.crossovers, name),
        ratio_figure(sweep.crossovers[0], name),
    ):
        elements = Elements(draw(figure))
        assert elements.names <= ELEMENTS
        assert not any(attribute.startswith(("on", "href")) for attribute in elements.attributes)
