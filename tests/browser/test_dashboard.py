"""The dashboard as it is built from the committed results and a history of asv's."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docs.build.shown import shown
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.collection import collect
from perceptron.report.asv.pages import absent
from perceptron.report.dashboard.view import link
from perceptron.report.dashboard.write import PAGES, write_site
from tests.browser.conftest import Audit, Shot
from tests.browser.serving import serve
from tests.browser.watched import Watch, until
from tests.made import keep_race, race_rows
from tests.plenty import plenty
from tests.report.reading import data, views

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILES = [file for file, *_ in PAGES]
OTHER = "zz-other"
"""A second machine, on which all that the bench of record measured is slower, torch most."""
CUT_TITLES = """[...document.querySelectorAll('.xtitle, .ytitle')].filter((title) => {
  const [own, whole] = [title, title.closest('svg')].map((node) => node.getBoundingClientRect());
  return own.left < whole.left - 1 || own.right > whole.right + 1 || own.bottom > whole.bottom + 1;
})"""
OF_VIEWS = ["sweeps.html", "map.html", "ladder.html", "roofline.html", "race.html", "history.html"]


@pytest.fixture(scope="module")
def bench(results_of_record: Path) -> BenchResult:
    """The run that the pages are about."""
    return shown(results_of_record).bench


@pytest.fixture(scope="module")
def html(
    tmp_path_factory: pytest.TempPathFactory, results_of_record: Path, bench: BenchResult
) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    shutil.copytree(results_of_record / "runs", folder / "results" / "runs")
    on_another_machine(folder / bench.results)
    keep_race(folder / "results", race_rows())
    plenty(folder / "results" / "asv", machines=2, commits=24, noise=0.01, steps={12: 0.4})
    write_site(folder / "html", collect(folder / "results"), absent(folder / "html"))
    return folder / "html"


def on_another_machine(run: Path) -> None:
    """Copy a run as an earlier one of `OTHER`."""
    machine = run.parent.parent / OTHER
    copy = machine / run.name
    shutil.copytree(run, copy)
    for file in run.parent.glob("environment-*.json"):
        shutil.copy(file, machine)
    facts = json.loads((copy / "run.json").read_text())
    older = {"machine": OTHER, "started": "2025-01-01T00:00:00Z"}
    (copy / "run.json").write_text(json.dumps(facts | older))
    rows = map(json.loads, (copy / "measurements.jsonl").read_text().splitlines())
    with (copy / "measurements.jsonl").open("w") as lines:
        for row in rows:
            slower = 2 if row["backend"] == "numpy" else 3
            seconds = row["seconds"] and slower * row["seconds"]
            samples = [slower * sample for sample in row["samples"]]
            changed = row | {"machine": OTHER, "seconds": seconds, "samples": samples}
            lines.write(json.dumps(changed) + "\n")


@pytest.fixture
def disk(html: Path) -> str:
    return html.as_uri()


@pytest.fixture
def loopback(html: Path) -> Iterator[str]:
    with serve(html) as base:
        yield base


def drawn(page: Page) -> None:
    """Wait until every figure of the view is there."""
    page.locator("#view h2").first.wait_for()
    until(page, "document.querySelectorAll('.plot').length > 0")
    until(
        page, "[...document.querySelectorAll('.plot')].every(one => one.querySelector('.main-svg'))"
    )


def opened(watch: Watch, base: str, file: str, **options: Any) -> Page:
    page = watch(base, **options).open(file)
    if file.partition("#")[0] in OF_VIEWS:
        drawn(page)
    return page


@pytest.mark.parametrize("file", FILES)
def test_a_page_is_in_reach_of_everyone(
    watch: Watch, html: Path, disk: str, audit: Audit, shot: Shot, file: str
) -> None:
    """No error, no request elsewhere, nothing serious for axe, no scrolling sideways.

    No title of an axis is cut off, and no text shows the marks of one that should be code. Each
    view can be drawn by its link, without a word of plotly's.
    """
    page = opened(watch, disk, file)
    name = file.removesuffix(".html")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        # Figures follow the window.
        until(page, f"document.documentElement.scrollWidth <= {width}")
        until(page, f"{CUT_TITLES}.length === 0")
        shot(page, f"dashboard-{name}-{width}")
    assert "`" not in page.inner_text("body")
    assert audit(page) == []
    if file in OF_VIEWS:
        page.set_viewport_size({"width": 1400, "height": 900})
        every_view_can_be_drawn(page, html, name)


def every_view_can_be_drawn(page: Page, html: Path, name: str) -> None:
    """Eight of them, at most."""
    ids = [switch["id"] for switch in data(html, name)["switches"]]
    shown = views(html, name)
    for setting in list(shown)[:: max(1, len(shown) // 8)]:
        address = link(name, ids, setting)
        page.evaluate("hash => { location.hash = hash }", address.partition("#")[2])
        page.get_by_role("status").first.filter(has_text=", ".join(setting)).wait_for()
        drawn(page)
        view = shown[setting]
        assert page.locator("#view h2").first.inner_text() == view["title"]
        assert page.locator(".plot").count() == len(view["figures"])
        assert page.get_by_text("cannot be drawn").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400, setting


def test_every_page_leads_to_every_other_over_loopback(watch: Watch, loopback: str) -> None:
    """By the navigation, which says where one is."""
    page = watch(loopback).open("index.html")
    for _, name, heading in PAGES:
        page.get_by_role("navigation", name="pages").get_by_role("link", name=name).click()
        page.wait_for_load_state("networkidle")
        assert page.locator("h1").inner_text() == heading
        pages = page.get_by_role("navigation", name="pages")
        assert pages.locator("[aria-current=page]").all_inner_texts() == [name]


def test_the_overview_leads_to_the_sweep_that_it_pictures(
    watch: Watch, disk: str, bench: BenchResult
) -> None:
    """The switches stand as the link says, and the figure is of the same family.

    Pictures are dark on white and light on dark, every letter; the map stays on white paper. Data
    and plotly are asked for where they are shown: a page's own index and one file of its views.
    """
    asked: list[str] = []
    page = watch(disk).open("index.html")
    for scheme, ink in (("light", "rgb(29, 29, 31)"), ("dark", "rgb(236, 236, 241)")):
        page.emulate_media(color_scheme=scheme)
        fills = page.locator("figure.static:not(.light) svg use").evaluate_all(
            "all => all.map(one => getComputedStyle(one).fill)"
        )
        assert len(fills) > 100
        assert ink in fills
        assert "rgb(0, 0, 0)" not in fills
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert not [url for url in asked if "/data/" in url or url.endswith("plotly.min.js")]
    page.get_by_role("link", name="All sweeps").click()
    drawn(page)
    assert page.locator("#view h2").first.inner_text().startswith("mlp-width:")
    assert bench.machine in page.get_by_role("status").first.inner_text()
    assert f"commit={bench.rows[0].commit}" in page.url
    assert len([url for url in asked if "/data/" in url]) == 2


def test_choices_change_words_figure_and_table(watch: Watch, disk: str, bench: BenchResult) -> None:
    """Machine, family and what is shown; the text alternative says the same as the figure."""
    page = opened(watch, disk, f"sweeps.html#family=mlp-width&machine={bench.machine}")

    def seen() -> tuple[str, str, str]:
        alt = page.locator("#view [role=img]").first.get_attribute("aria-label") or ""
        table = page.locator("#view table").last.inner_text()
        return page.locator("#view h2").first.inner_text(), alt, table

    every = [seen()]
    for label, option in (
        ("Shown", "whole training, 10,000 iterations"),
        ("Shown", "from cold, 10,000 iterations"),
        ("Shown", "ratio of torch-cpu to numpy"),
        ("Machine", OTHER),
        ("Family", "perceptron-features"),
        ("Machine", bench.machine),
    ):
        page.get_by_label(label, exact=True).select_option(label=option)
        page.get_by_role("status").first.filter(has_text=option).wait_for()
        drawn(page)
        every.append(seen())
    for index in range(3):
        assert len({view[index] for view in every}) >= len(every) - 2, index
    assert len(set(every)) == len(every)
    names = page.evaluate("document.querySelector('.plot').data.map(one => one.name)")
    assert "torch-cpu / numpy" in names


def test_raw_data_comes_as_it_was_measured(watch: Watch, html: Path, disk: str) -> None:
    """A machine's rows, filtered, as CSV and as JSON: the same numbers as on the disk."""
    page = watch(disk).open("raw.html")
    choice = next(one for one in data(html, "raw")["tables"] if one["label"].startswith(OTHER))
    page.get_by_label("machine", exact=True).select_option(label=choice["label"])
    page.get_by_label("rows that contain").fill("mlp-width")
    content = data(html, choice["file"])
    columns = [column["id"] for column in content["columns"]]
    rows = [row for row in content["rows"] if "mlp-width" in row]
    assert rows
    page.get_by_role("status").filter(has_text=f"of {len(rows):,}").first.wait_for()

    def saved(kind: str) -> str:
        with page.expect_download() as started:
            page.get_by_role("button", name=f"download {kind}").click()
        return Path(started.value.path()).read_text(encoding="utf-8")

    assert [list(record.values()) for record in json.loads(saved("JSON"))] == rows
    lines = list(csv.reader(io.StringIO(saved("CSV").removeprefix("\ufeff"))))
    assert lines[0] == columns
    seconds = columns.index("seconds")
    assert [line[seconds] and float(line[seconds]) for line in lines[1:]] == [
        "" if row[seconds] is None else row[seconds] for row in rows
    ]


def test_pages_without_scripts_say_so_and_show_what_they_can(watch: Watch, disk: str) -> None:
    """The overview has its pictures and tables; the others say what they need."""
    watched = watch(disk, java_script_enabled=False)
    page = watched.open("index.html")
    assert page.locator("figure.static svg").count() == 3
    page = watched.open("sweeps.html")
    assert page.locator("noscript .warning").is_visible()
