"""Values are compared as they are: what is more in every process is a regression."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Reading
from tests.gate.conftest import blocks

RULE = Rule()
SPREAD = [0.0, 1.0, -1.0, 0.5, -0.5, 0.2]


def judged(base: list[float], head: list[float], name: str = "track_it") -> Judgement:
    made = blocks(name, [0.0] * len(base))
    some = [
        replace(
            block,
            base=Reading(status="ok", value=before),
            head=Reading(status="ok", value=after),
        )
        for block, before, after in zip(made, base, head, strict=True)
    ]
    kind = name.partition("_")[0]
    return judge([Benchmark(name=name, type=kind, unit="bytes")], some, {}, RULE)


def near(middle: float, spread: float) -> list[float]:
    return [middle + spread * step for step in SPREAD]


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ([100.0] * 6, [100.0] * 6, "no change"),
        ([100.0] * 6, [102.0] * 6, "no change"),  # below what is worth acting on
        ([100.0] * 6, [104.0] * 6, "regression"),
        ([100.0] * 6, [96.0] * 6, "improvement"),
        ([0.0] * 6, [0.0] * 6, "no change"),
        ([0.0] * 6, [5.0] * 6, "regression"),
        ([5.0] * 6, [0.0] * 6, "improvement"),
        ([-5.0] * 6, [-4.0] * 6, "regression"),
        (near(100, 1), near(110, 1), "regression"),
        (near(100, 3), near(107, 3), "inconclusive"),  # more in every process, by chance or not
        (near(107, 3), near(100, 3), "no change"),
        (near(100, 3), near(101, 3), "no change"),
        (near(100, 20), near(100, 20), "inconclusive"),  # a tenth more could hide
        (near(200, 20), near(100, 20), "improvement"),
        ([100.0] * 4, [200.0] * 4, "inconclusive"),  # of so few, chance does as much
    ],
)
def test_values_are_judged_by_their_order(
    base: list[float], head: list[float], verdict: str
) -> None:
    judgement = judged(base, head)
    assert judgement.rows[0].verdict == verdict
    expected = {"no change": "clean", "improvement": "clean"}
    assert judgement.verdict == expected.get(verdict, verdict)


def test_a_row_shows_medians_their_ratio_and_the_ratios_furthest_apart() -> None:
    (row,) = judged(near(100, 1), near(110, 2)).rows
    assert (row.base, row.head, row.unit) == (pytest.approx(100.1), pytest.approx(110.2), "bytes")
    assert row.change == pytest.approx(110.2 / 100.1 - 1)
    assert (row.low, row.high) == (pytest.approx(108 / 101 - 1), pytest.approx(112 / 99 - 1))
    assert (row.screen_blocks, row.p_adjusted) == (6, None)


def test_what_has_no_ratio_says_from_what_to_what() -> None:
    (row,) = judged([0.0] * 6, [5.0] * 6).rows
    assert (row.base, row.head, row.change) == (0.0, 5.0, None)
    assert row.reason == "from 0 to 5"


def test_a_time_of_nothing_is_judged_as_a_value() -> None:
    """A timer of the benchmark's own may count what is not there."""
    assert judged([0.0] * 6, [1e-3] * 6, "time_it").rows[0].verdict == "regression"


def test_noise_makes_no_regression_however_many_values_there_are() -> None:
    random = np.random.default_rng(1)
    for spread in (0.1, 1.0, 3.0, 10.0):
        for _ in range(1000):
            base, head = random.normal(100, spread, (2, 6)).tolist()
            assert judged(base, head).verdict != "regression"
