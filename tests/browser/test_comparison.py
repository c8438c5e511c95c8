"""The page of a comparison in a real browser: figures drawn, folds opened, nothing executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.records.comparison import Comparison
from perceptron.report.comparison_address import LIST, address
from perceptron.report.dashboard.comparisons import write_comparison
from tests.browser.conftest import Audit, Shot
from tests.browser.watched import Watch, is_this_package, until
from tests.hostile_comparison import hostile_comparison
from tests.made_comparison import block, broken, comparison, growth, instructions, row, slower


def written(html: Path, made: Comparison) -> str:
    """Write the page and return its address below the folder."""
    page = address(made.plan)
    assert page is not None
    write_comparison(html, replace(made, page=page))
    return page


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("comparisons")


@pytest.fixture(scope="module")
def red(html: Path) -> str:
    """The page of a comparison in which many benchmarks became slower."""
    results = html / "results"
    results.mkdir()
    slow = slower(
        instructions=instructions(0.05),
        evidence="both",
        why=[growth(), growth(function="check", base=0.0, head=400.0)],
    )
    others = [slower(params=[str(number)], change=0.05) for number in range(6)]
    names = ["sums.time_sum(10, 'numpy')", *(f"sums.time_sum({number})" for number in range(6))]
    blocks = [
        block(name, number, 1e-3, 1.08e-3 + 1e-5 * (number % 3), stage)
        for name in names
        for stage, many in (("screen", 10), ("confirmation", 23))
        for number in range(many)
    ]
    return written(
        html,
        comparison(
            slow,
            *others,
            broken(benchmark="bad.time_it"),
            row(benchmark="same.time_it"),
            verdict="regression",
            reason="7 benchmarks slower, 1 broke",
            blocks=blocks,
            results=str(results),
        ),
    )


def test_comparison_page_is_accessible(
    watch: Watch, html: Path, red: str, audit: Audit, shot: Shot
) -> None:
    """Axe finds nothing serious, on a phone nothing scrolls sideways, and the figures are there.

    Figures of the first rows are open, and of all there is one.
    """
    page = watch(html.as_uri()).open(red)
    assert page.locator("figure").first.locator(".wide circle").count() == 33 + 2
    assert page.locator("details:has(figure)").count() == 7
    assert page.locator("details[open]:has(figure)").count() == 4
    for width in (1400, 400):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"document.documentElement.scrollWidth <= {width}")
        shot(page, f"comparison-{width}")
    assert audit(page) == []
    page.get_by_role("link", name="Comparisons").click()
    page.get_by_role("link", name=f"main ({'a' * 12}) → HEAD").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert audit(page) == []


def test_hostile_texts_render_and_nothing_executes(watch: Watch, tmp_path: Path) -> None:
    """In names, reasons, functions, subjects, warnings: the watch fails on whatever runs."""
    file = written(tmp_path / "html", hostile_comparison())
    watched = watch((tmp_path / "html").as_uri())
    for address_ in (file, LIST):
        page = watched.open(address_)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.get_by_role("alert").count() == 0
        for width in (1400, 400):
            page.set_viewport_size({"width": width, "height": 900})
            until(page, f"document.documentElement.scrollWidth <= {width}")
        assert is_this_package(page)


def test_heads_sort_by_value(watch: Watch, html: Path, red: str) -> None:
    """What was written as a table, too: by size and not by text, the unmeasured last."""
    page = watch(html.as_uri()).open(red)
    table = page.get_by_role("region", name="Benchmarks that changed")
    changes = table.locator("tbody tr td:nth-child(4)")
    head = table.get_by_role("button", name="change [99%]")
    head.click()
    assert changes.all_inner_texts()[-2:] == ["+8.1% [+7.0, +9.3]", "–"]
    head.press("Enter")
    assert changes.first.inner_text() == "+8.1% [+7.0, +9.3]"
    assert changes.last.inner_text() == "–"
