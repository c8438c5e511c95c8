from __future__ import annotations

from math import inf

import pytest

from perceptron.report.dashboard.comparisons import blocks_figure
from tests.made_comparison import block, row, slower

KEY = "x"
SCREEN = [block(KEY, number, 1e-3, 1.1e-3) for number in range(3)]
CONFIRMATION = [block(KEY, number, 1e-3, 1.2e-3, "confirmation") for number in range(4)]


def test_screen_and_confirmation_are_told_apart() -> None:
    figure = blocks_figure(slower(), [*CONFIRMATION, *SCREEN])
    assert figure is not None
    assert "from the confirmation alone" in figure.caption
    screened, confirmed = figure.lines
    assert screened.texts[0] == "screen, block 1: 1.00 ms → 1.10 ms, +10.0%"
    assert (screened.dots, confirmed.dots) == ("open", "filled")


def test_blocks_figure_shows_estimate_and_interval() -> None:
    figure = blocks_figure(slower(), SCREEN)
    assert figure is not None
    (band,), ((_, middle), _) = figure.stretches, figure.inked
    assert [band.low, middle, band.high] == pytest.approx([7.0, 8.1, 9.3])
    assert "from the confirmation alone" not in figure.caption


@pytest.mark.parametrize("head", [0.0, -1.0, inf, 1e300])
def test_blocks_figure_omits_blocks_without_ratio(head: float) -> None:
    """Nor has what would flatten all others."""
    assert blocks_figure(row(), [block(KEY, 0, 1e-3, head)]) is None


def test_blocks_figure_without_estimate_has_dots_only() -> None:
    figure = blocks_figure(row(change=None, low=None, high=None), SCREEN)
    assert figure is not None
    assert (figure.stretches, figure.inked) == ((), ())
