"""What a page has no figures of, listed below those that it has."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perceptron.analysis.stored.collection import collection_of
from perceptron.records.readers.table import load_measurements
from perceptron.report.dashboard.telling import FIGURES
from perceptron.report.dashboard.write import write_site
from tests.browser.conftest import Audit, Shot
from tests.browser.watched import Watch, until
from tests.many import many

CASES = 80


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    rows = load_measurements(str(many(folder / "times.csv", cases=CASES, crossing=0.9)))
    write_site(folder / "html", collection_of(rows))
    return folder / "html"


def test_the_list_unfolds_and_is_searched(
    watch: Watch, html: Path, audit: Audit, shot: Shot
) -> None:
    """Its data is loaded when somebody wants it; every row has its answer."""
    asked: list[str] = []
    watched = watch(html.as_uri())
    watched.page.on("request", lambda request: asked.append(request.url))
    page = watched.open("sweeps.html")
    until(page, "document.querySelectorAll('.main-svg').length > 0")
    assert page.get_by_label("Family", exact=True).locator("option").count() == FIGURES
    assert not [url for url in asked if "listed" in url]
    page.get_by_text(f"{CASES - FIGURES} sweeps without figures").click()
    many_rows = 6 * (CASES - FIGURES)
    page.get_by_text(f"rows 1–100 of {many_rows}").wait_for()
    assert len([url for url in asked if "listed" in url]) == 1
    page.get_by_label("status").select_option(label="never, not sure")
    page.get_by_label("rows that contain").fill("backend-0 → backend-3")
    until(page, "document.querySelectorAll('#rest tbody tr').length < 100")
    answers = page.locator("#rest tbody tr td:last-child").all_inner_texts()
    assert answers
    assert all(text.startswith("backend-0 at every size") for text in answers)
    page.get_by_label("rows that contain").fill("")
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"document.documentElement.scrollWidth <= {width}")
        shot(page, f"rest-{width}")
    assert audit(page) == []


def test_a_list_that_does_not_arrive_is_told(watch: Watch, html: Path, tmp_path: Path) -> None:
    """The figures stay."""
    shutil.copytree(html, tmp_path / "html")
    (tmp_path / "html" / "data" / "sweeps" / "listed" / "0.js").unlink()
    watched = watch((tmp_path / "html").as_uri())
    page = watched.open("sweeps.html")
    until(page, "document.querySelectorAll('.main-svg').length > 0")
    page.get_by_text("sweeps without figures").click()
    page.get_by_role("alert").wait_for()
    assert "data/sweeps/listed/0.js cannot be loaded" in page.get_by_role("alert").inner_text()
    assert page.locator(".main-svg").count() > 0
    watched.forgive("Failed to load resource")
