"""The pages of a ladder that was measured with a GPU, made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.stored.collection import collect
from perceptron.report.dashboard.write import write_site
from tests.browser.watched import Watch, until
from tests.made import GPU_LADDER, gpu_ladder_rows, keep


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    keep(folder / "results", GPU_LADDER, gpu_ladder_rows())
    write_site(folder / "html", collect(folder / "results"), "no checkout")
    return folder / "html"


@pytest.mark.parametrize(
    ("file", "figures", "words"),
    [
        ("ladder.html", 2, ["On the device", "Around the iterations", "clocks free (not locked)"]),
        ("roofline.html", 2, ["torch-cuda and jax-cuda (cuda)", "launches, device busy 4 %"]),
    ],
)
def test_what_a_gpu_did_is_shown_whole(
    watch: Watch, html: Path, file: str, figures: int, words: list[str]
) -> None:
    """A figure for each device with its words, and no scrolling sideways."""
    page = watch(html.as_uri()).open(file)
    page.locator("#view h2").first.wait_for()
    until(page, f"document.querySelectorAll('.plot .main-svg').length >= {figures}")
    assert page.locator(".plot").count() == figures
    shown = page.locator("main").inner_text()
    assert [text for text in words if text not in shown] == []
    page.set_viewport_size({"width": 1400, "height": 150})
    hidden = "e => e.some(each => each.scrollHeight > each.clientHeight + 1)"
    assert not page.locator("main .scroll").evaluate_all(hidden), "a ladder is shown whole"
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"document.documentElement.scrollWidth <= {width}")
