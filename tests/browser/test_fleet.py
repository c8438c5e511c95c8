"""One backend over several machines, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.sweeps import SEVERAL
from perceptron.report.dashboard.write import write_site
from perceptron.studies.answering import collect
from tests.browser.conftest import Shot
from tests.browser.watched import Watch, until
from tests.made_fleet import made_fleet

COUNT = len(MACHINES)


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_site(folder / "html", collect(made_fleet(folder / "results", COUNT)))
    return folder / "html"


def test_one_backend_is_shown_over_several_machines(watch: Watch, html: Path, shot: Shot) -> None:
    """A line and a legible entry for each; none lies over another or leaves the figure."""
    page = watch(html.as_uri()).open("sweeps.html")
    page.get_by_label("Machine", exact=True).select_option(label=SEVERAL)
    page.get_by_label("Shown", exact=True).select_option(label="torch-cpu: time per iteration")
    until(page, f"document.querySelectorAll('.legendtext').length === {COUNT}")
    until(page, f"document.querySelectorAll('.scatterlayer .js-line').length >= {COUNT}")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"document.documentElement.scrollWidth <= {width}")
        until(page, LEGIBLE)
        shot(page, f"several-{width}")
    colours = page.evaluate(
        "[...document.querySelectorAll('.legendlines path')].map((one) => one.style.stroke)"
    )
    assert len(set(colours)) == COUNT
    assert "Machines differ in hardware" in page.locator("figcaption").inner_text()


# Whether the legend's texts lie apart, inside the figure, and below the axis.
LEGIBLE = """(() => {
  const frame = document.querySelector('.plot').getBoundingClientRect();
  const axis = document.querySelector('.xtitle').getBoundingClientRect();
  const texts = [...document.querySelectorAll('.legendtext')]
    .map((one) => one.getBoundingClientRect());
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1
    || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  return texts.length > 0 && texts.every((one, at) => one.top >= axis.bottom - 1
    && one.bottom <= frame.bottom + 1 && one.right <= frame.right + 1
    && texts.every((other, to) => at === to || apart(one, other)));
})()"""
