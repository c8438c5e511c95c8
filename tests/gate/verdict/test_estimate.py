"""The tests behind the verdicts keep their level, reach it, and find what they promise to find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.verdict.estimate import (
    blocks_needed,
    detectable,
    estimate,
    holm,
    interval,
    p_above,
)

VALUES = st.lists(st.floats(-1, 1), min_size=5, max_size=60)


def share_below(alpha: float, values: np.ndarray, margin: float = 0.0) -> float:
    """Return the share of rows of values whose p-value is at most ``alpha``."""
    return float(np.mean([p_above(estimate(row.tolist()), margin) <= alpha for row in values]))


@given(VALUES)
def test_estimate_resists_one_wild_block(
    values: list[float],
) -> None:
    """A neighbour that hits one process of one block decides nothing."""
    wild = estimate([*values[1:], 1e6])
    rounding = 1e-15  # 0.1 + 0.1 + 0.1 over 3 is a little more than 0.1
    assert min(values[1:]) - rounding <= wild.mean <= max(values[1:]) + rounding


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        estimate([0.0] * 4)


def correlated(count: int, blocks: int, freedom: float, seed: int) -> np.ndarray:
    """Log-ratios of neighbours among processes that correlate (lag 1: 0.4), with t tails."""
    random = np.random.default_rng(seed)
    noise = random.standard_t(freedom, (count, 2 * blocks))
    processes = np.empty_like(noise)
    processes[:, 0] = noise[:, 0]
    for index in range(1, 2 * blocks):
        processes[:, index] = 0.4 * processes[:, index - 1] + noise[:, index]
    order = random.choice([-1, 1], (count, blocks))
    return order * (processes[:, 1::2] - processes[:, ::2])


@pytest.mark.parametrize("freedom", [100.0, 3.0, 1.5])
@pytest.mark.parametrize(("blocks", "alpha"), [(10, 0.1), (20, 0.01), (60, 0.01)])
def test_estimate_level_holds_for_heavy_tails(freedom: float, blocks: int, alpha: float) -> None:
    values = correlated(4000, blocks, freedom, seed=3)
    limit = alpha + 3 * np.sqrt(alpha * (1 - alpha) / 4000)
    assert share_below(alpha, values) <= limit


@pytest.mark.parametrize(("blocks", "alpha"), [(10, 0.1), (20, 0.001), (60, 0.001)])
def test_estimate_detects_with_promised_power(blocks: int, alpha: float) -> None:
    size = detectable(0.02, blocks, alpha, 0.95, 0.01)
    values = size + 0.02 * np.random.default_rng(5).normal(size=(3000, blocks))
    assert share_below(alpha, values, 0.01) == pytest.approx(0.95, abs=0.025)


@given(st.floats(0.001, 0.1))
def test_estimate_blocks_needed_detect_wanted_change(spread: float) -> None:
    blocks = blocks_needed(spread, 0.05, 0.001, 0.95, 0.01, 60)
    assert blocks == 60 or detectable(spread, blocks, 0.001, 0.95, 0.01) <= 0.05


def test_equal_blocks_are_certain() -> None:
    """Bytes and counts do not vary: any change above the margin is one, none below is."""
    assert p_above(estimate([0.02] * 6), 0.01) == 0.0
    assert p_above(estimate([0.005] * 6), 0.01) == 1.0
    assert interval(estimate([0.02] * 6), 0.99) == (0.02, 0.02)


def test_estimate_interval_has_its_coverage() -> None:
    values = np.random.default_rng(6).normal(0.05, 0.02, (3000, 20))
    ends = [interval(estimate(row.tolist()), 0.99) for row in values]
    assert np.mean([low <= 0.05 <= high for low, high in ends]) == pytest.approx(0.99, abs=0.006)


def test_holm_is_holm() -> None:
    """Worked by hand: 3 × 0.01, 2 × 0.02, then not below what came before."""
    assert holm({"a": 0.01, "b": 0.02, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.04, "c": 0.04}
    )
