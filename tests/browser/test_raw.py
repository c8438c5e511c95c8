"""The raw table: sorted, filtered, turned over and saved."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.little_site import HOSTILE
from tests.browser.watched import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Page


def column(page: Page, index: int) -> list[str]:
    """Return the cells of a column, from the left, on the page that is shown."""
    return page.locator("tbody tr").evaluate_all(
        f"rows => rows.map(row => row.children[{index}].textContent)"
    )


def status_of(page: Page) -> str:
    return page.get_by_role("status").inner_text()


def saved(page: Page, kind: str) -> tuple[str, bytes]:
    """Return the name and the bytes of a download."""
    with page.expect_download() as started:
        page.get_by_role("button", name=f"download {kind}").click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_a_hundred_rows_at_a_time(watch: Watch, base: str) -> None:
    """Every row is on exactly one page; the ends of the book keep the focus."""
    page = watch(base).open("raw.html")
    assert status_of(page) == "rows 1–100 of 250"
    seen = column(page, 2)
    for expected in ("rows 101–200 of 250", "rows 201–250 of 250"):
        page.get_by_role("button", name="next").click()
        assert status_of(page) == expected
        seen += column(page, 2)
    assert sorted(map(int, seen)) == list(range(250))
    last = page.get_by_role("button", name="next")
    assert last.get_attribute("aria-disabled") == "true"
    last.press("Enter")
    assert status_of(page) == "rows 201–250 of 250"
    assert page.evaluate("document.activeElement.textContent") == "next"
    page.get_by_role("button", name="previous").click()
    assert status_of(page) == "rows 101–200 of 250"


def test_a_head_sorts_by_size_with_the_unmeasured_last(watch: Watch, site: Path) -> None:
    """Numbers by size and not by letters, both ways; the head says which and keeps the focus."""
    page = watch(site.as_uri()).open("raw.html")
    head = page.get_by_role("button", name="size")
    head.press("Enter")
    assert column(page, 2) == [str(at) for at in range(100)]
    assert page.locator("th[aria-sort=ascending]").inner_text() == "size"
    head.press("Enter")
    assert column(page, 2) == [str(249 - at) for at in range(100)]
    assert page.locator("th[aria-sort=descending]").count() == 1
    assert page.evaluate("document.activeElement.textContent") == "size"
    seconds = page.get_by_role("button", name="seconds (s)")
    for _ in range(2):
        seconds.click()
        page.get_by_role("button", name="next").click()
        page.get_by_role("button", name="next").click()
        assert column(page, 3)[-5:] == ["–"] * 5


def test_filters_narrow_together(watch: Watch, site: Path) -> None:
    """Text in any column and any case; status; and both say how many are left."""
    page = watch(site.as_uri()).open("raw.html")
    page.get_by_label("rows that contain").fill("TORCH")
    assert status_of(page) == "rows 1–100 of 125 that match, among 250"
    assert set(column(page, 1)) == {"torch-cpu"}
    page.get_by_label("rows that contain").fill("")
    page.get_by_label("status").select_option(label="skipped")
    assert status_of(page) == "rows 1–5 of 5 that match, among 250"
    page.get_by_label("rows that contain").fill(".*")
    assert status_of(page) == "no rows that match, among 250"


def test_what_passes_the_filter_is_saved(watch: Watch, base: str) -> None:
    """All pages of it, numbers as they were stored, in the order shown."""
    page = watch(base).open("raw.html")
    page.get_by_label("rows that contain").fill("numpy")
    page.get_by_role("button", name="size").click()
    name, content = saved(page, "JSON")
    assert name == "perceptron-raw-0.json"
    rows = json.loads(content)
    assert len(rows) == 125
    assert list(rows[0]) == ["machine", "backend", "size", "seconds", "status"]
    assert [row["size"] for row in rows] == sorted(row["size"] for row in rows)
    assert {row["backend"] for row in rows} == {"numpy"}
    assert sum(row["seconds"] is None for row in rows) == 5
    name, content = saved(page, "CSV")
    assert name == "perceptron-raw-0.csv"
    lines = csv.DictReader(io.StringIO(content.decode()))
    read = [float(line["seconds"]) if line["seconds"] else None for line in lines]
    assert read == [row["seconds"] for row in rows]


def test_saved_texts_stay_texts_in_a_spreadsheet(watch: Watch, site: Path) -> None:
    """RFC 4180; a text that would be a formula has an apostrophe before it, a number has none."""
    page = watch(site.as_uri()).open("raw.html")
    page.get_by_label("machine").select_option(index=1)
    page.get_by_text("@SUM(A1)").wait_for()
    _, content = saved(page, "CSV")
    assert content.startswith(
        b"machine,backend,size,seconds,status\r\n"
        b'"\'=cmd|""x""",\'-1+2,1,1e+308,ok\r\n'
        b"\"'+1\n2\",'@SUM(A1),2,-5e-324,ok\r\n"
        b'\'\ttab,"plain, with comma",3,,failed\r\n'
    )
    _, content = saved(page, "JSON")
    rows = json.loads(content)
    assert rows[0] == {
        "machine": '=cmd|"x"',
        "backend": "-1+2",
        "size": 1,
        "seconds": 1e308,
        "status": "ok",
    }
    assert [row["machine"] for row in rows[3:]] == list(HOSTILE)
    assert page.evaluate("document.querySelectorAll('#raw script, #raw img').length") == 0


def test_a_part_that_does_not_arrive_is_told(watch: Watch, base: str) -> None:
    """No rows of another machine stay under its name, and the others still work."""
    watched = watch(base)
    page = watched.open("raw.html")
    page.get_by_label("machine").select_option(index=2)
    assert "data/raw/gone.js cannot be loaded" in page.get_by_role("alert").inner_text()
    assert column(page, 0) == []
    page.get_by_label("machine").select_option(index=0)
    page.get_by_text("rows 1–100 of 250").wait_for()
    assert page.get_by_role("alert").count() == 0
    watched.forgive("Failed to load resource")
