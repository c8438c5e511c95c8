"""One backend over several machines, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.questions.answering import collect
from perceptron.questions.crossover.page import SEVERAL
from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.write import write_site
from tests.browser.conftest import Shot
from tests.browser.watched import Watch
from tests.made_fleet import made_fleet

COUNT = len(MACHINES)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_site(folder / "html", collect(made_fleet(folder / "results", COUNT)))
    return folder / "html"


def test_dashboard_shows_backend_over_several_machines(
    watch: Watch, html: Path, shot: Shot
) -> None:
    """A line and a legible entry for each; none lies over another or leaves the figure."""
    page = watch(html.as_uri()).open("crossover.html")
    page.get_by_label("Family", exact=True).select_option(label="mlp-width")
    page.get_by_label("Machine", exact=True).select_option(label=SEVERAL)
    page.get_by_label("Shown", exact=True).select_option(label="torch-cpu: time per iteration")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVER_EACH_OTHER) == []
        shot(page, f"several-{width}")
    colours = page.evaluate(
        "[...document.querySelectorAll('#view svg path')].map(one => getComputedStyle(one).stroke)"
    )
    assert len(set(colours)) >= COUNT
    assert "Machines differ in hardware" in page.locator("figcaption").inner_text()


# Texts of a figure that lie over each other or leave it.
OVER_EACH_OTHER = """(() => {
  const drawn = [...document.querySelectorAll('#view svg')].find((one) => one.checkVisibility());
  const frame = drawn.getBoundingClientRect();
  const texts = [...drawn.querySelectorAll('text:not([transform])')];
  const places = texts.map((one) => one.getBoundingClientRect());
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return texts.filter((text, at) => places[at].right > frame.right + 1
    || places.some((other, to) => to > at && meet(places[at], other)))
    .map((one) => one.textContent);
})()"""
