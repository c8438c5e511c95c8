"""Values are compared as they are: what is as much more in every block is a regression."""

from __future__ import annotations

import numpy as np
import pytest

from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.records.block import Benchmark
from tests.gate.verdict.conftest import RULE
from tests.made_comparison import block


def judged(base: list[float], head: list[float], name: str = "track_it") -> Judgement:
    measured = [
        block(name, number, *pair) for number, pair in enumerate(zip(base, head, strict=True))
    ]
    kind = name.partition("_")[0]
    return judge([Benchmark(name=name, type=kind, unit="bytes")], measured, {}, RULE)


def around(middle: float, *steps: float) -> list[float]:
    return [middle + step for step in steps]


DRAWN = [10.0, 1000.0, 30.0, 7.0, 500.0, 80.0]
NOISE = [0.0, 1.0, -1.0, 0.5, -0.5, 0.2]
OTHER = [0.3, -0.2, 0.0, 1.0, -1.0, 0.5]


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ([100.0] * 6, [100.0] * 6, "no change"),
        ([100.0] * 6, [102.0] * 6, "no change"),  # below what is worth acting on
        ([100.0] * 6, [104.0] * 6, "slower"),
        ([100.0] * 6, [96.0] * 6, "faster"),
        ([0.0] * 6, [0.0] * 6, "no change"),
        ([0.0] * 6, [5.0] * 6, "slower"),
        ([5.0] * 6, [0.0] * 6, "faster"),
        ([-5.0] * 6, [-4.0] * 6, "slower"),
        (DRAWN, DRAWN, "no change"),  # each block draws its own, alike on both sides
        (DRAWN, [1.2 * value for value in DRAWN], "slower"),
        (around(100, *NOISE), around(106, *OTHER), "slower"),
        (around(106, *NOISE), around(100, *OTHER), "faster"),
        (around(100, *NOISE), around(101, *OTHER), "no change"),
        (around(100, *NOISE), around(103.2, *OTHER), "no change"),  # it may be chance
        (around(103.2, *OTHER), around(100, *NOISE), "no change"),
        ([100.0] * 6, [*[100.0] * 5, 111.0], "inconclusive"),  # chance, or what HEAD does
        ([*[100.0] * 5, 111.0], [100.0] * 6, "no change"),
        ([100.0] * 6, [99.0, 111.0] * 3, "inconclusive"),
        ([0.0, 1.0] * 3, [2.0, 3.0] * 3, "slower"),
        ([100.0] * 4, [200.0] * 4, "inconclusive"),  # of so few, chance does as much
    ],
)
def test_values_are_judged_block_by_block(
    base: list[float], head: list[float], verdict: str
) -> None:
    judgement = judged(base, head)
    assert judgement.rows[0].verdict == verdict
    expected = {"no change": "clean", "faster": "clean", "slower": "regression"}
    assert judgement.verdict == expected.get(verdict, verdict)


def test_value_row_has_medians_and_change_of_blocks() -> None:
    (row,) = judged([100.0] * 6, [110.0, 109.0, 112.0, 110.0, 111.0, 110.0]).rows
    assert (row.base, row.head, row.unit) == (100.0, 110.0, "bytes")
    assert (row.change, row.low, row.high) == pytest.approx((0.1, 0.09, 0.12))
    assert row.smallest_detectable == pytest.approx(0.045)
    assert (row.screen_blocks, row.p_adjusted) == (6, None)


def test_value_rules_apply_to_zero_time() -> None:
    """A timer of the benchmark's own may count what is not there."""
    assert judged([0.0] * 6, [1e-3] * 6, "time_it").rows[0].verdict == "slower"


def test_noise_makes_no_regression_however_many_values_there_are() -> None:
    random = np.random.default_rng(1)
    for spread in (0.1, 1.0, 3.0, 10.0):
        for _ in range(250):
            base, head = random.normal(100, spread, (2, 6)).tolist()
            assert judged(base, head).verdict != "regression"
