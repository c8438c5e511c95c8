"""The dashboard as it is built from the committed results and asv's of two machines."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docs.build.shown import shown
from perceptron.answer import Answered
from perceptron.questions.answering import collect
from perceptron.report.asv_pages import absent
from perceptron.report.dashboard.answers import link
from perceptron.report.dashboard.write import write_site
from tests.browser.conftest import Audit, Shot
from tests.browser.watched import Watch, until
from tests.made import GPU_LADDER, gpu_ladder_rows, keep, keep_race, race_rows
from tests.plenty import plenty
from tests.report.reading import PAGES, data, views

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILES = [file for file, *_ in PAGES]
# Texts of figures that are cut off.
CUT = """[...document.querySelectorAll('figure.static svg text')].filter((text) => {
  const [own, whole] = [text, text.closest('svg')].map((node) => node.getBoundingClientRect());
  return own.left < whole.left - 1 || own.right > whole.right + 1
    || own.top < whole.top - 1 || own.bottom > whole.bottom + 1;
}).map((text) => text.textContent)"""
OF_VIEWS = ["crossover.html", "map.html", "overhead.html", "race.html"]


@pytest.fixture(scope="module")
def bench(results_of_record: Path) -> Answered:
    """The run that the pages are about."""
    return shown(results_of_record).bench


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory, results_of_record: Path) -> Path:
    """Return the pages of the committed results, and of a second machine with a GPU."""
    folder = tmp_path_factory.mktemp("dashboard")
    shutil.copytree(results_of_record / "runs", folder / "results" / "runs")
    keep_race(folder / "results", race_rows())
    keep(folder / "results", GPU_LADDER, gpu_ladder_rows(), started="2026-01-02T00:00:00Z")
    plenty(folder / "results" / "asv", machines=2, commits=24, noise=0.01, steps={12: 0.4})
    write_site(folder / "html", collect(folder / "results"), absent(folder / "html"))
    return folder / "html"


@pytest.fixture
def disk(html: Path) -> str:
    return html.as_uri()


def drawn(page: Page) -> None:
    """Wait until every figure of the view is there."""
    page.locator("#view h2").first.wait_for()
    until(page, "document.querySelectorAll('#view figure.static svg').length > 0")


def opened(watch: Watch, base: str, file: str, **options: Any) -> Page:
    page = watch(base, **options).open(file)
    if file.partition("#")[0] in OF_VIEWS:
        drawn(page)
    return page


@pytest.mark.parametrize("file", FILES)
def test_dashboard_page_is_accessible(
    watch: Watch, html: Path, disk: str, audit: Audit, shot: Shot, file: str
) -> None:
    """No error, no request elsewhere, nothing serious for axe, no scrolling sideways.

    No text of a figure is cut off, and none shows the marks of one that should be code. Each view
    can be shown by its link.
    """
    page = opened(watch, disk, file)
    name = file.removesuffix(".html")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT) == []
        shot(page, f"dashboard-{name}-{width}")
    assert "`" not in page.inner_text("body")
    if file == "raw.html":  # the smallest table: some rows are as all are
        tables = data(html, "raw")["tables"]
        rows, label = min(
            (len(data(html, table["file"])["rows"]), table["label"]) for table in tables
        )
        page.get_by_label("machine", exact=True).select_option(label=label)
        until(page, f"document.querySelectorAll('#tables tbody tr').length === {min(rows, 100)}")
    assert audit(page) == []
    if file in OF_VIEWS:
        page.set_viewport_size({"width": 1400, "height": 900})
        every_kind_of_view_can_be_drawn(page, html, name)


def every_kind_of_view_can_be_drawn(page: Page, html: Path, name: str) -> None:
    """The last of each, by its link: its words are those that Python wrote."""
    ids = [switch["id"] for switch in data(html, name)["switches"]]
    shown = views(html, name)
    kinds = {setting[-1].partition(":")[0].partition(" of ")[0]: setting for setting in shown}
    for setting in [*kinds.values()][:4]:
        address = link(name, tuple(zip(ids, setting, strict=True)))
        page.evaluate("hash => { location.hash = hash }", address.partition("#")[2])
        page.get_by_role("status").first.filter(has_text=", ".join(setting)).wait_for()
        drawn(page)
        view = shown[setting]
        assert page.locator("#view h2").first.inner_text() == view["title"]
        figures = page.locator("#view [role=img]").evaluate_all("all => all.map(e => e.ariaLabel)")
        assert figures == [figure["alt"] for figure in view["figures"]]
        assert page.locator("#view caption").all_inner_texts() == [
            table["title"] for table in view["tables"]
        ]
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400, setting
        hidden = "all => all.some(one => one.scrollHeight > one.clientHeight + 1)"
        if name == "overhead":
            page.set_viewport_size({"width": 1400, "height": 150})
            assert not page.locator("main .scroll").evaluate_all(hidden), "a ladder is shown whole"


def test_dashboard_overview_card_opens_its_family(watch: Watch, disk: str, bench: Answered) -> None:
    """The switches stand as the link says, and the figure is of the same family.

    Pictures are dark on white and light on dark, every letter. Data are asked for where they are
    shown: a page's own index and one file of its views.
    """
    urls: list[str] = []
    page = watch(disk).open("index.html")
    for scheme, ink in (("light", "rgb(29, 29, 31)"), ("dark", "rgb(236, 236, 241)")):
        page.emulate_media(color_scheme=scheme)
        fills = page.locator("figure.static svg text").evaluate_all(
            "all => all.map(one => getComputedStyle(one).fill)"
        )
        assert len(fills) > 30
        assert ink in fills
        assert "rgb(0, 0, 0)" not in fills
    page.on("request", lambda request: urls.append(request.url))
    page.reload()
    assert not [url for url in urls if "/data/" in url]
    page.get_by_role("link", name="mlp-width", exact=True).click()
    drawn(page)
    assert page.locator("#view h2").first.inner_text().startswith("mlp-width:")
    assert bench.run.run.machine in page.get_by_role("status").first.inner_text()
    assert f"run={bench.run.rows[0].commit}" in page.url
    assert len([url for url in urls if "/data/" in url]) == 2


def test_pages_without_scripts_say_so_and_show_what_they_can(watch: Watch, disk: str) -> None:
    """The overview has its picture and cards; the others say what they need."""
    watched = watch(disk, java_script_enabled=False)
    page = watched.open("index.html")
    assert page.locator("figure.static svg:visible").count() == 1
    assert page.locator(".card").count() > 4
    page = watched.open("crossover.html")
    assert page.locator("noscript .warning").is_visible()
