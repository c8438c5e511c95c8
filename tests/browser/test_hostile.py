"""Results of somebody who means harm, in a real browser: everything renders, nothing executes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perceptron.questions.answering import collect
from perceptron.report.dashboard.answers import link
from perceptron.report.dashboard.write import write_site
from tests.browser.watched import Watch, is_this_package, until
from tests.hostile import NAMES, hostile
from tests.report.reading import PAGES, data, views

if TYPE_CHECKING:
    from playwright.sync_api import Page

OF_VIEWS = ("crossover", "map", "overhead", "race")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    write_site(folder / "html", collect(hostile(folder / "results")), NAMES[0])
    return folder / "html"


@pytest.mark.parametrize("file", [file for file, *_ in PAGES if file != "raw.html"])
def test_hostile_page_renders_without_executing(watch: Watch, html: Path, file: str) -> None:
    """No dialog, error, policy or request: the watch fails on each; and no name widens the page."""
    page = watch(html.as_uri()).open(file)
    for width in (390, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"document.documentElement.scrollWidth <= {width}")
    name = file.removesuffix(".html")
    if name in OF_VIEWS:
        machines_can_be_shown(page, html, name)
    assert is_this_package(page)
    assert page.get_by_role("alert").count() == 0
    if name == "crossover":
        a_legend_shows_a_name_as_it_is(page, html)


def machines_can_be_shown(page: Page, html: Path, name: str) -> None:
    """A view of each, by its link, on two of the pages; its title is what Python wrote."""
    ids = [switch["id"] for switch in data(html, name)["switches"]]
    every = views(html, name)
    of_machines = {setting[ids.index("machine")]: setting for setting in every}
    for setting in [*of_machines.values()][OF_VIEWS.index(name) % 3 :: 3]:
        address = link(name, tuple(zip(ids, setting, strict=True)))
        page.evaluate("hash => { location.hash = hash }", address.partition("#")[2])
        shown = f"Shown: {', '.join(setting)}."
        until(page, f"document.getElementById('shown').textContent === {shown!r}")
        title = page.locator("#view h2").first.text_content()
        assert title == every[setting]["title"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400
        assert is_this_package(page)
    page.reload()  # the address that the page has made of it leads there as well
    until(page, f"document.getElementById('shown').textContent === {shown!r}")


def a_legend_shows_a_name_as_it_is(page: Page, html: Path) -> None:
    braces = next(setting for setting in views(html, "crossover") if setting[0].startswith("{{"))
    page.goto(f"{html.as_uri()}/{link('crossover', (('Family', braces[0]),))}")
    page.locator("#view svg:visible").first.wait_for()
    legend = page.locator("#view svg tspan", has_text="{{ 7 * 7 }}").all_text_contents()
    assert any(name.startswith("{{ 7 * 7 }}") and ">x</a>" in name for name in legend), legend
    assert page.locator("#view figure a").count() == 0


def test_raw_rows_can_be_searched_sorted_and_saved(watch: Watch, html: Path) -> None:
    """And a spreadsheet gets no formula from a name."""
    page = watch(html.as_uri()).open("raw.html")
    choices = data(html, "raw")["tables"]
    page.locator("#table").select_option(
        index=[choice["label"][:8] for choice in choices].index("\"'><svg ")
    )
    page.get_by_label("rows that contain").fill("<svg onload")
    until(page, "document.querySelectorAll('#tables tbody tr').length > 10")
    for head in page.locator("#tables thead th").all()[:6]:
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
    assert is_this_package(page)
    with page.expect_download() as started:
        page.get_by_role("button", name="download CSV").click()
    lines = Path(started.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) > 10
    assert not any(cell[:1] in "=+@" for line in lines for cell in line.split(",") if cell)
