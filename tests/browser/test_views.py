"""The switches, the links and the tables of a page of views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.watched import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Page


def heading(page: Page) -> str:
    """Return the title of the view, waited for where its file is still on its way."""
    return page.locator("#view h2").first.inner_text()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).select_option(label=option)


def switches(page: Page) -> list[str]:
    """Return the text of each switch: a select's choice, or the only text."""
    return page.locator(".switch").evaluate_all(
        "all => all.map(one => one.querySelector('select')?.selectedOptions[0].text"
        " ?? `only ${one.querySelector('.only').textContent}`)"
    )


def test_view_choice_narrows_later_switches(watch: Watch, site: Path) -> None:
    """Options agree with the choices before; a single one is text; a choice on offer is kept."""
    page = watch(site.as_uri()).open("crossover.html")
    assert heading(page) == "view a"
    assert switches(page) == ["mlp-width", "xeon-2core", "float32"]
    choose(page, "Dtype", "float64")
    page.get_by_role("heading", name="view b").wait_for()
    choose(page, "Machine", "h100")
    page.get_by_role("heading", name="view c").wait_for()
    assert switches(page) == ["mlp-width", "h100", "only float32"]
    choose(page, "Family", "mlp-map")
    page.get_by_role("heading", name="view d").wait_for()
    assert switches(page) == ["mlp-map", "only h100", "only float32"]
    assert page.get_by_role("status").first.inner_text() == "Shown: mlp-map, h100, float32."
    choose(page, "Family", "mlp-width")
    page.get_by_role("heading", name="view c").wait_for()


def test_view_table_sorts_by_value(watch: Watch, site: Path) -> None:
    """Times of several units by size, those without one last, both ways, by keyboard too."""
    page = watch(site.as_uri()).open("crossover.html")
    head = page.get_by_role("button", name="time", exact=True)
    times = page.locator("tbody tr td:nth-child(2)")
    head.click()
    timed = ["800 ns", "31.0 µs", "2.00 [1.90, 2.10] ms", "9.50 ms", "100 ms", "1.20 s"]
    assert times.all_inner_texts() == [*timed, "not measured", "–"]
    head.press("Enter")
    assert times.all_inner_texts() == [*reversed(timed), "not measured", "–"]
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("time")


def test_view_choice_is_a_link(watch: Watch, site: Path) -> None:
    """A link opens what its writer saw; choices add nothing to the history.

    What a link followed on the page does not name stays; broken escapes are ignored.
    """
    page = watch(site.as_uri()).open("index.html")
    page.goto(f"{site.as_uri()}/crossover.html#family=mlp-width&machine=h100&dtype=nonsense&who=me")
    assert heading(page) == "view c"
    choose(page, "Machine", "xeon-2core")
    choose(page, "Dtype", "float64")
    page.get_by_role("heading", name="view b").wait_for()
    assert page.url.endswith("#family=mlp-width&machine=xeon-2core&dtype=float64")
    page.go_back()
    assert page.url.endswith("/index.html")
    page.goto(f"{site.as_uri()}/crossover.html#dtype=float64")
    assert heading(page) == "view b"
    page.evaluate("location.hash = 'family=mlp-map&%E0%A4%A'")
    page.get_by_role("heading", name="view d").wait_for()
    page.evaluate("location.hash = 'family=mlp-width&machine=xeon-2core'")
    page.get_by_role("heading", name="view a").wait_for()


def test_switches_work_by_keyboard_and_tables_say_what_is_what(watch: Watch, site: Path) -> None:
    """Tab reaches a select, arrows change it, and the focus stays where it was.

    A table has a caption, heads of columns and rows, numbers flush right, a frame that keys reach.
    """
    page = watch(site.as_uri()).open("crossover.html")
    frame = page.get_by_role("region", name="crossovers of a")
    assert frame.get_attribute("tabindex") == "0"
    assert frame.locator("caption").inner_text() == "crossovers of a"
    assert frame.locator("thead th[scope=col]").count() == 4
    assert frame.locator("tbody th[scope=row]").count() == 8
    alignments = "all => all.map(one => getComputedStyle(one).textAlign)"
    assert frame.locator(".number").evaluate_all(alignments) == ["right"] * 9
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].textContent") == "Machine"
    page.keyboard.press("ArrowDown")
    page.get_by_role("heading", name="view c").wait_for()
    assert page.evaluate("document.activeElement.labels[0].textContent") == "Machine"


def test_data_that_does_not_arrive_is_told(watch: Watch, base: str) -> None:
    """One line says which file; other choices still work, and the missing one is tried again."""
    watched = watch(base)
    page = watched.open("broken.html")
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    assert heading(page) == "good"
    for _ in range(2):
        choose(page, "View", "gone")
        assert "data/broken/gone.js cannot be loaded" in page.get_by_role("alert").inner_text()
        choose(page, "View", "good")
        assert heading(page) == "good"
    assert urls == [f"{base}/data/broken/gone.js"] * 2
    choose(page, "View", "strange")
    assert "no such view" in page.get_by_role("alert").inner_text()
    # Our server answers with a page that is no script.
    refused = ["Refused to execute script"] if base.startswith("http") else []
    watched.forgive("Failed to load resource", *refused)


def test_view_missing_data_is_reported(watch: Watch, site: Path) -> None:
    watched = watch(site.as_uri())
    page = watched.open("missing.html")
    assert "data/missing.js cannot be loaded" in page.get_by_role("alert").inner_text()
    watched.forgive("Failed to load resource")
