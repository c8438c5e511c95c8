"""Figures of a comparison: its blocks, and the functions of one call."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.records.profile import Frame, Profile
from perceptron.report.charts.as_plotly.blocks import draw_blocks
from perceptron.report.charts.as_plotly.flame import draw_flames
from perceptron.report.charts.blocks import blocks_figure
from perceptron.report.charts.figure import Flame, FlameFigure
from perceptron.report.charts.flame import flame_figure
from tests.made_comparison import block, profile, row, slower

KEY = "x"
SCREEN = [block(KEY, number, 1e-3, 1.1e-3) for number in range(3)]
CONFIRMATION = [block(KEY, number, 1e-3, 1.2e-3, "confirmation") for number in range(4)]


def test_screen_and_confirmation_are_told_apart() -> None:
    figure = blocks_figure(slower(), [*CONFIRMATION, *SCREEN])
    assert figure is not None
    assert figure.dots[0].text == "screen, block 1: 1.00 ms → 1.10 ms, +10.0 %"
    assert "from the confirmation alone" in figure.caption
    screened, confirmed = draw_blocks(figure).data
    assert screened["marker"]["symbol"] != confirmed["marker"]["symbol"]


def test_the_estimate_is_drawn_with_its_interval_in_per_cent() -> None:
    figure = blocks_figure(slower(), SCREEN)
    assert figure is not None
    band, line = draw_blocks(figure).layout["shapes"]
    assert [band["y0"], line["y0"], band["y1"]] == pytest.approx([7.0, 8.1, 9.3])
    assert "from the confirmation alone" not in figure.caption


@pytest.mark.parametrize("head", [0.0, -1.0, inf, 1e300])
def test_what_has_no_ratio_has_no_dot(head: float) -> None:
    """Nor has what would flatten all others."""
    assert blocks_figure(row(), [block(KEY, 0, 1e-3, head)]) is None


def test_without_an_estimate_there_are_dots_alone() -> None:
    figure = blocks_figure(row(change=None, low=None, high=None), SCREEN)
    assert figure is not None
    assert draw_blocks(figure).layout["shapes"] == []


def figure(made: Profile) -> FlameFigure:
    drawn = flame_figure(made)
    assert drawn is not None
    return drawn


def by_label(made: FlameFigure) -> dict[str, Flame]:
    return {flame.label: flame for flame in made.flames}


def test_colour_is_what_the_function_itself_does_more() -> None:
    """Not what it calls does: else every caller of a slower function would look guilty."""
    made = figure(profile())
    flames = by_label(made)
    assert made.flames[flames["check"].parent or 0].label == "total"
    assert flames["Suite.time_sum"].growth == 0
    assert flames["check"].growth == pytest.approx(0.4)
    assert flames["old"].growth == pytest.approx(-0.3)
    assert flames["total"].growth == pytest.approx(0.05)
    assert made.most == pytest.approx(0.4)


def test_nothing_counted_is_no_figure() -> None:
    assert flame_figure(profile(base=[0.0] * 5, head=[0.0] * 5)) is None
    assert flame_figure(profile(stacks=[], base=[], head=[])) is None


def test_a_new_benchmark_is_measured_by_itself() -> None:
    """BASE has nothing: growth is a share of what HEAD does."""
    made = figure(profile(base=[0.0] * 5))
    assert by_label(made)["check"].growth == pytest.approx(400 / 1150)


def test_a_reader_is_told_what_is_not_in_it() -> None:
    """Where compiled code changed, all is grey: that alone would look as if nothing had."""
    words = "Python functions only; compiled ones, where counted, are in the table above."
    grey = figure(profile(head=profile().base)).caption
    assert f"None of them does more or less itself on HEAD, so all are grey. {words}" in grey
    coloured = figure(profile()).caption
    assert words in coloured
    assert "grey" not in coloured


def test_what_is_too_thin_is_left_out_and_counted() -> None:
    stacks = [[0], *([0, 1, *[2] * depth] for depth in range(3000))]
    counts = [1e6, *[1.0] * 3000]
    made = figure(profile(stacks=stacks, base=counts, head=counts, left_out=0.02))
    assert len(made.flames) < 1600
    assert f"{3002 - len(made.flames):,} places too thin to see are left out." in made.caption
    assert "2 % of all is in stacks too small to be kept." in made.caption


counts = st.floats(0, 1e300)


@settings(deadline=None)
@given(
    stacks=st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=6), counts, counts), max_size=30)
)
def test_every_flame_fits_below_the_one_that_calls_it(
    stacks: list[tuple[list[int], float, float]],
) -> None:
    """Plotly draws nothing of a tree whose children are wider than their parent, or come alone."""
    frames = [Frame(function=name) for name in "abcdef"]
    made = flame_figure(
        Profile(
            benchmark="x",
            unit="calls",
            frames=frames,
            stacks=[stack for stack, _, _ in stacks],
            base=[base for _, base, _ in stacks],
            head=[head for _, _, head in stacks],
        )
    )
    if made is None:
        return
    below = [0.0] * len(made.flames)
    for index, flame in enumerate(made.flames):
        assert (flame.parent is None) == (index == 0)
        if flame.parent is not None:
            assert flame.parent < index
            below[flame.parent] += flame.width
    for flame, width in zip(made.flames, below, strict=True):
        assert width <= flame.width * (1 + 1e-9)


def test_names_are_no_markup() -> None:
    """Plotly takes ``<b>`` and ``<a>`` for some, also where a reader points."""
    frames = [Frame(function="<a href='javascript:x'>f", file="<b>") for _ in range(5)]
    (trace,) = draw_flames(figure(profile(frames=frames))).data
    texts = [*trace["labels"], *trace["hovertext"]]
    assert not any("<a" in text or "<b>" in text for text in texts)
    assert trace["ids"] == [str(index) for index in range(len(trace["ids"]))]
