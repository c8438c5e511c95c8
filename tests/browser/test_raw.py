"""Large tables: sorted, searched, turned over and saved."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perceptron.questions.collection import collection_of
from perceptron.report.dashboard.write import write_site
from tests.browser.little_site import HOSTILE
from tests.browser.watched import Watch, until
from tests.made import load_measurements
from tests.many import many

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def column(page: Page, index: int) -> list[str]:
    """Return the cells of a column, from the left, on the page that is shown."""
    return page.locator("tbody tr").evaluate_all(
        f"rows => rows.map(row => row.children[{index}].textContent)"
    )


def head(page: Page, name: str) -> Locator:
    """Return the button that sorts by a column."""
    return page.get_by_role("button", name=name, exact=True)


def sort(page: Page, name: str, key: str = "") -> None:
    """Sort by a column, with a key or with the mouse."""
    if key:
        head(page, name).press(key)
    else:
        head(page, name).click()


def shows(page: Page, text: str) -> None:
    page.get_by_role("status").filter(has_text=text).wait_for()


def saved(page: Page, kind: str) -> tuple[str, bytes]:
    """Return the name and the bytes of a download."""
    with page.expect_download() as started:
        page.get_by_role("button", name=f"download {kind}").click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_rows_are_turned_over_and_searched(watch: Watch, site: Path) -> None:
    """A hundred at a time, each on exactly one page, by keyboard; searched in every column.

    In any case, several words together; it says how many are left, and of how many.
    """
    page = watch(site.as_uri()).open("raw.html")
    shows(page, "1–100 of 250")
    seen = column(page, 2)
    for expected in ("101–200 of 250", "201–250 of 250"):
        page.get_by_role("button", name="Next").press("Enter")
        shows(page, expected)
        seen += column(page, 2)
    assert sorted(map(int, seen)) == list(range(250))
    page.get_by_label("rows that contain").fill("TORCH xeon")
    shows(page, "1–100 of 125")
    assert set(column(page, 1)) == {"torch-cpu"}
    page.get_by_label("rows that contain").fill(".*")
    shows(page, "no rows")


def test_raw_table_sorts_by_size_unmeasured_last(watch: Watch, site: Path) -> None:
    """Numbers by size and not by letters, both ways, texts by the numbers in them; by keyboard."""
    page = watch(site.as_uri()).open("raw.html")
    sort(page, "size", "Enter")
    assert column(page, 2) == [str(at) for at in range(100)]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("size")
    sort(page, "size", "Enter")
    assert column(page, 2) == [str(249 - at) for at in range(100)]
    assert page.locator("th[aria-sort=descending]").count() == 1
    for _ in range(2):
        sort(page, "in words")
        words = [float(cell.partition(" ")[0]) for cell in column(page, 3)]
        assert words in (sorted(words), sorted(words, reverse=True))
        page.get_by_role("button", name="Last").click()
        shows(page, "201–250 of 250")
        assert column(page, 3)[-5:] == ["–"] * 5
        page.get_by_role("button", name="First").click()
        shows(page, "1–100 of 250")


def test_raw_table_saves_filtered_rows(watch: Watch, site: Path) -> None:
    """All pages of it, numbers as they were stored, in the order shown."""
    page = watch(site.as_uri()).open("raw.html")
    page.get_by_label("rows that contain").fill("numpy")
    sort(page, "size")
    name, content = saved(page, "JSON")
    assert name == "perceptron-raw-0.json"
    rows = json.loads(content)
    assert len(rows) == 125
    assert list(rows[0]) == ["machine", "backend", "size", "words", "seconds"]
    assert [row["size"] for row in rows] == sorted(row["size"] for row in rows)
    assert {row["backend"] for row in rows} == {"numpy"}
    stored = [None if at % 50 == 0 else at * 1e-7 for at in range(0, 250, 2)]
    assert Counter(row["seconds"] for row in rows) == Counter(stored)
    name, content = saved(page, "CSV")
    assert name == "perceptron-raw-0.csv"
    lines = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    read = [float(line["seconds"]) if line["seconds"] else None for line in lines]
    assert read == [row["seconds"] for row in rows]


def test_saved_texts_stay_texts_in_a_spreadsheet(watch: Watch, site: Path) -> None:
    """A text that would be a formula has an apostrophe before it."""
    page = watch(site.as_uri()).open("raw.html")
    page.get_by_label("machine", exact=True).select_option(index=1)
    page.get_by_text("@SUM(A1)").wait_for()
    _, content = saved(page, "CSV")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[1] == ['\'=cmd|"x"', "'-1+2", "1", "ok", "1e+308"]
    assert rows[2][:2] == ["'+1\n2", "'@SUM(A1)"]
    assert rows[3][:2] == ["'\ttab", "plain, with comma"]
    _, content = saved(page, "JSON")
    assert [row["machine"] for row in json.loads(content)[3:]] == list(HOSTILE)
    assert page.evaluate("document.querySelectorAll('#tables script, #tables img').length") == 0


def test_raw_table_load_failure_is_reported(watch: Watch, site: Path) -> None:
    """No rows of another machine stay under its name, and the others still work."""
    watched = watch(site.as_uri())
    page = watched.open("raw.html")
    page.get_by_label("machine", exact=True).select_option(index=2)
    assert "data/raw/2.js cannot be loaded" in page.get_by_role("alert").inner_text()
    assert column(page, 0) == []
    page.get_by_label("machine", exact=True).select_option(index=0)
    shows(page, "1–100 of 250")
    assert page.get_by_role("alert").count() == 0
    watched.forgive("Failed to load resource")


@pytest.mark.slow
def test_pages_of_thousands_of_results_work(watch: Watch, tmp_path: Path) -> None:
    """Of 60 cases each has its figures, and 1,440 rows can be sorted and searched."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=60)))
    write_site(tmp_path / "html", collection_of(rows))
    watched = watch((tmp_path / "html").as_uri())
    page = watched.open("raw.html")
    shows(page, "1–100 of 1,440")
    sort(page, "per iteration, s", "Enter")
    seconds = list(map(float, column(page, 20)))
    assert seconds == sorted(seconds)
    page.get_by_label("rows that contain").fill("case-059")
    shows(page, "1–24 of 24")
    page.set_viewport_size({"width": 390, "height": 900})
    until(page, "document.documentElement.scrollWidth <= 390")
    page = watched.open("crossover.html")
    page.get_by_label("Family", exact=True).select_option(label="case-059")
    page.get_by_label("Shown", exact=True).select_option(label="ratio of backend-3 to backend-0")
    page.locator("#view svg:visible").first.wait_for()
    assert "case-059" in page.locator("#view h2").inner_text()
    page = watched.open("machines.html")
    page.get_by_label("table", exact=True).select_option(label="answers (360 rows)")
    shows(page, "1–100 of 360")
    heads = page.locator("#tables thead th").all_inner_texts()
    assert [head.split()[0] for head in heads[:3]] == ["machine", "answer", "decided"]
