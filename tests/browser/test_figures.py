"""Figures: the colours of the page, of the dark and of paper, and the policy that they keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.watched import Watch, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIGHT = "rgb(0, 114, 178)"
DARK = "rgb(77, 169, 232)"


def plotted(page: Page, what: str) -> Any:
    """Something of the first figure, as plotly has it, once that is drawn."""
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    return page.evaluate(
        f"(({{data, layout, _fullLayout: full}}) => {what})(document.querySelector('.plot'))"
    )


def test_figures_are_drawn_and_can_be_saved_within_the_policy(watch: Watch, base: str) -> None:
    """From disk and from a server; plotly draws its picture from an address of data."""
    page = watch(base, color_scheme="light").open("sweeps.html")
    assert plotted(page, "data[1].line.color") == LIGHT
    picture = page.evaluate("Plotly.toImage(document.querySelector('.plot'), {format: 'png'})")
    assert picture.startswith("data:image/png;base64,")


def test_a_figure_follows_the_theme_and_the_window(watch: Watch, site: Path) -> None:
    """Tokens become colours in every place that is one, and again when the theme changes.

    The picture is one image with its words, and what a figure says of its own layout stays;
    plotly's buttons are beside it, without its logo.
    """
    page = watch(site.as_uri(), color_scheme="light").open("sweeps.html")
    assert plotted(page, "data[1].fillcolor") == "rgba(0, 114, 178, 0.18)"
    assert plotted(page, "data[2].marker.color") == LIGHT
    assert plotted(page, "layout.shapes[1].line.color") == "rgb(29, 29, 31)"
    assert plotted(page, "[full.xaxis.type, full.xaxis.automargin]") == ["log", True]
    assert plotted(page, "[full.hovermode, full.legend.orientation]") == ["closest", "h"]
    assert page.get_by_text("--ink is a word here").count() == 1
    figure = page.get_by_role("figure")
    alt = figure.get_by_role("img").get_attribute("aria-label") or ""
    assert alt.startswith("time per iteration of numpy")
    assert figure.locator("figcaption").inner_text().startswith("Lower is faster.")
    assert figure.get_by_role("button").count() >= 4
    assert figure.locator(".plotlylogo, .modebar a[href]").count() == 0
    page.emulate_media(color_scheme="dark")
    until(page, f"document.querySelector('.plot').data[1].line.color === '{DARK}'")
    assert plotted(page, "full.font.color") == "rgb(236, 236, 241)"
    assert plotted(page, "full.width") > 800
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, "document.querySelector('.plot')._fullLayout.width < 390")
    assert plotted(page, "full.height") == 460
    page.get_by_label("Family", exact=True).select_option(label="mlp-map")
    page.get_by_role("heading", name="view d").wait_for()
    assert plotted(page, "data[1].colorscale") == [
        [0, "rgba(77, 169, 232, 0.2)"],
        [1, "rgba(77, 169, 232, 0.9)"],
    ]


def test_paper_is_light_and_narrow(watch: Watch, site: Path) -> None:
    """Printed from a dark screen, figures have dark ink and fit; afterwards all is as before.

    Nothing is printed that can only be clicked; what was chosen stays.
    """
    page = watch(site.as_uri(), color_scheme="dark").open("sweeps.html")
    assert plotted(page, "data[1].line.color") == DARK
    wide = plotted(page, "full.width")
    page.evaluate("""addEventListener('beforeprint', () => {
        const { data, _fullLayout: full } = document.querySelector('.plot');
        window.printed = [data[1].line.color, full.font.color, full.width];
    })""")
    page.pdf()
    assert page.evaluate("printed") == [LIGHT, "rgb(29, 29, 31)", 680]
    until(page, f"document.querySelector('.plot').data[1].line.color === '{DARK}'")
    until(page, f"Math.abs(document.querySelector('.plot')._fullLayout.width - {wide}) < 1")
    assert plotted(page, "full.height") == 460
    page.emulate_media(media="print")
    until(page, f"document.querySelector('.plot').data[1].line.color === '{LIGHT}'")
    for clicked in ("nav", "#switches select", ".modebar"):
        assert not page.locator(clicked).first.is_visible()
    announcement = page.locator("#shown").bounding_box()
    assert announcement is not None
    assert announcement["height"] > 10
    assert page.get_by_role("region", name="crossovers of a").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_plotly_the_page_still_tells(watch: Watch, site: Path) -> None:
    """A line in the figure's place; words and tables stand."""
    watched = watch(site.as_uri())
    watched.page.route("**/plotly.min.js", lambda route: route.abort())
    page = watched.open("sweeps.html")
    assert "plotly.min.js is missing" in page.get_by_role("figure").inner_text()
    assert page.get_by_role("region", name="crossovers of a").is_visible()
    watched.forgive("Failed to load resource")
