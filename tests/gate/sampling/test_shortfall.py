"""What could not be judged says how long a budget would have been long enough."""

from __future__ import annotations

from math import inf

import numpy as np
from msgspec.structs import replace

from perceptron.gate.sampling.budget import EXTENDED
from perceptron.gate.sampling.shortfall import minutes_needed
from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Block, Reading
from perceptron.records.comparison import ComparisonPlan, Side
from tests.gate.conftest import benchmark, blocks, counts

RULE = Rule()
SIDE = Side(name="x", commit="0", python="python")
START = 1.0
# Of one arm: what a process starts with and what it takes for one benchmark.
PROCESS = START + 2.0
SLOWER = [0.2 + 0.001 * number for number in range(10)]


def tried(key: str, elapsed: float = 30.0) -> list[Block]:
    """A first trial of what takes two seconds in a process, and is no time."""
    reading = Reading(status="ok", value=1.0, wall_seconds=1.99)
    (block,) = blocks(key, [0.0])
    trial = replace(block, stage="calibration", base=reading, head=reading)
    return [replace(trial, elapsed_seconds=elapsed)]


def planned(budget: float, **fields: dict[str, int]) -> ComparisonPlan:
    return ComparisonPlan(
        suite="s",
        benchmarks=None,
        base=SIDE,
        head=SIDE,
        budget_seconds=budget,
        seed=1,
        rule={},
        confirmation_blocks=fields.get("confirmation", {}),
        affordable_blocks=fields.get("affordable", {}),
    )


def needed(some: list[Block], plan: ComparisonPlan) -> dict[str, float]:
    keys = dict.fromkeys(block.benchmark for block in some)
    suite = [replace(benchmark(key), type="track") for key in keys]
    return minutes_needed(suite, some, plan, START, RULE)


def test_what_had_enough_needs_no_more() -> None:
    quiet = [*tried("t"), *blocks("t", [0.001, -0.001] * 5)]
    assert needed(quiet, planned(60.0)) == {}


def test_a_slowdown_without_time_needs_its_confirmation() -> None:
    some = [*tried("t"), *blocks("t", SLOWER)]
    (minutes,) = needed(some, planned(60.0, confirmation={"t": 0})).values()
    least = 30.0 + 3 * RULE.confirmation * PROCESS
    assert least <= 60 * minutes <= least + 60


def test_noise_needs_more_blocks_and_too_much_of_it_needs_another_machine() -> None:
    random = np.random.default_rng(3)
    minutes = {}
    for spread in (0.05, 0.4):
        some = [*tried("t"), *blocks("t", random.normal(0, spread, 10).tolist())]
        minutes[spread] = needed(some, planned(60.0, affordable={"t": 0}))["t"]
    assert 1 < minutes[0.05] < inf
    assert minutes[0.4] == inf


def test_more_work_that_the_clock_leaves_open_needs_a_whole_screen() -> None:
    work = counts("t", 0.5, 0.5, 0.5)
    loud = [0.3, -0.4] * 15
    some, whole = ([*tried("t"), *work, *blocks("t", loud[:size])] for size in (10, 30))
    (minutes,) = needed(some, planned(60.0)).values()
    least = (30.0 + 2 * (RULE.most_screen - 10) * PROCESS) / EXTENDED
    assert least <= 60 * minutes <= least + 30
    assert needed(whole, planned(60.0)) == {"t": inf}
    for these in (some, whole):
        row = judge([benchmark("t")], these, {}, RULE, raise_to=needed(these, planned(60.0))).rows[
            0
        ]
        assert row.verdict == "inconclusive"
        assert ("--budget to" in (row.reason or "")) is (these is some)


def test_a_row_says_it() -> None:
    some = [*tried("t"), *blocks("t", SLOWER)]
    plan = planned(60.0, confirmation={"t": 0})
    raise_to = needed(some, plan)
    row = judge([benchmark("t")], some, {"t": 0}, RULE, raise_to=raise_to).rows[0]
    assert (
        row.reason
        == f"a slowdown to confirm, and no time left: raise --budget to {raise_to['t']:g}"
    )
