"""Replays are judged as runs are: what is injected is found as often as theory says."""

from __future__ import annotations

from math import exp, log1p

import numpy as np
import pytest

from benchmarks.validation.gate.judging.blocks import pair, pools, spread_class
from benchmarks.validation.gate.judging.counts import RecordedCounts
from benchmarks.validation.gate.judging.replay import (
    GATE,
    LEVELS,
    LOUDER,
    ReplayTrial,
    replays,
    screen_size,
    window_blocks,
)
from perceptron.gate.verdict.judge import replay
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import WorkEvidence
from perceptron.records.block import Benchmark
from tests.validation.gate.conftest import MakeRun, noise, pairs, recorded

RULE = Rule()
COUNTS = {"time_it": RecordedCounts([1e6, 1.2e6], [0.0, 0.0003, -0.0004, 0.002])}


def silent(done: int, total: int, message: str) -> None:
    assert 0 <= done < total


def rates(spread: float, draws: int = 40) -> dict[float, float]:
    result = replays([("time_it", pairs(noise(spread, 3000)))], {}, RULE, silent, draws)
    return {
        level: float(
            np.mean([trial.found[GATE] for trial in result.trials if trial.level == level])
        )
        for level in LEVELS
    }


def test_little_noise_finds_everything_but_nothing_where_nothing_is() -> None:
    rate = rates(0.003)
    assert rate[0.0] == 0
    assert rate[0.05] == rate[0.10] == rate[0.20] == 1


def test_more_noise_finds_less_and_larger_slowdowns_are_found_more() -> None:
    quiet, loud = rates(0.01), rates(0.08)
    assert loud[0.05] < quiet[0.05]
    for by_level in (quiet, loud):
        assert [*by_level.values()] == sorted(by_level.values())


@pytest.mark.parametrize("others", [0, 7])
def test_each_stage_can_reach_its_level_with_the_fewest_blocks_it_may_have(others: int) -> None:
    """Six blocks promote, eight confirm; beside seven others at a level eight times as strict."""
    names = [f"time_{number}" for number in range(others + 1)]
    blocks = pairs([log1p(0.3) + deviation for deviation in noise(0.004, RULE.fewest_screen)])
    fresh = pairs(
        [log1p(0.3) + deviation for deviation in noise(0.004, RULE.fewest_confirmation, 2)]
    )
    judgement = replay(
        [Benchmark(name=name) for name in names],
        [
            deviation.block(name, "screen", n)
            for name in names
            for n, deviation in enumerate(blocks)
        ],
        [
            deviation.block(name, "confirmation", n)
            for name in names
            for n, deviation in enumerate(fresh)
        ],
        RULE,
    )
    assert [row.verdict for row in judgement.rows] == ["regression"] * len(names)
    for row in judgement.rows:
        assert (row.screen_blocks, row.confirmation_blocks) == (6, 8)
        assert row.p_adjusted is not None
        assert row.p_adjusted <= RULE.alpha


def of_work(spread: float, draws: int = 40) -> dict[tuple[float, float], list[ReplayTrial]]:
    """Trials with more work, by level and by how loud the clock was made."""
    result = replays([("time_it", pairs(noise(spread, 3000)))], COUNTS, RULE, silent, draws)
    by_level: dict[tuple[float, float], list[ReplayTrial]] = {}
    for trial in result.of("more work"):
        by_level.setdefault((trial.level, trial.louder), []).append(trial)
    return by_level


def test_more_work_is_found_however_loud_the_clock() -> None:
    """From 2 % up it is found, 1 % of it is seen and not called slower; nothing is not seen."""
    trials = of_work(0.04)
    assert {louder for _, louder in trials} == {*LOUDER}
    for louder in LOUDER:
        for level in (0.02, 0.03, 0.05):
            assert np.mean([trial.found[GATE] for trial in trials[level, louder]]) >= 0.95
        assert all(trial.seen for trial in trials[0.01, louder])
        for level in (0.0, 0.01):
            assert not any(trial.found[GATE] for trial in trials[level, louder])
        assert not any(trial.seen for trial in trials[0.0, louder])


def test_what_takes_longer_for_the_same_work_is_found_by_the_clock() -> None:
    """As far as its noise allows; without counts no such replay is made."""
    result = replays([("time_it", pairs(noise(0.01, 3000)))], COUNTS, RULE, silent, 40)
    same = result.of("same work")
    rate = {
        level: np.mean([trial.found[GATE] for trial in same if trial.level == level])
        for level in LEVELS
    }
    assert rate[0.0] == 0
    assert rate[0.10] == rate[0.20] == 1
    assert {trial.evidence for trial in result.promised} == {"clock alone", "same work"}
    alone = replays([("time_it", pairs(noise(0.01, 3000)))], {}, RULE, silent, 2)
    assert {trial.evidence for trial in alone.trials} == {"clock alone"}


def test_a_louder_block_is_further_from_no_change_in_the_same_direction() -> None:
    (block,) = pairs([0.01])
    assert block.louder(4).log_ratio == pytest.approx(4 * block.log_ratio)
    assert block.louder(1).log_ratio == pytest.approx(block.log_ratio)
    assert block.swapped().louder(16).log_ratio == pytest.approx(-16 * block.log_ratio)


def test_the_same_seed_draws_the_same_windows() -> None:
    pool = [("time_it", pairs(noise(0.03, 400)))]
    one, two = (replays(pool, COUNTS, RULE, silent, 10, seed) for seed in (4, 4))
    assert one == two
    assert one != replays(pool, COUNTS, RULE, silent, 10, 5)


def test_too_few_blocks_for_a_longest_run_give_no_replay() -> None:
    """A run that would have to take blocks twice is no run."""
    short = pairs(noise(0.01, window_blocks(RULE) - 1))
    result = replays([("time_it", short)], {}, RULE, silent, 5)
    assert (result.trials, result.promised, result.windows) == ([], [], 0)
    long = pairs(noise(0.01, 2 * window_blocks(RULE)))
    assert replays([("time_it", long)], {}, RULE, silent, 5).windows == 2


def test_a_noisy_screen_is_as_long_as_the_gate_makes_it() -> None:
    """Ten blocks where they are enough, up to thirty where they are not."""
    assert screen_size(noise(0.01, 90), RULE) == RULE.screen
    assert screen_size(noise(0.3, 90, 3), RULE) == RULE.most_screen


def test_the_same_work_is_looked_at_and_screened_where_it_looks_slower() -> None:
    """However noisy; what the work says of what rose changes nothing."""
    same, rose = WorkEvidence("same"), WorkEvidence("rose")
    assert screen_size([0.0] * 90, RULE, same) == RULE.look
    assert screen_size(noise(0.3, 90, 3), RULE, same) == RULE.look
    slower = [log1p(0.05) + deviation for deviation in noise(0.01, 90)]
    assert screen_size(slower, RULE, same) == RULE.screen
    assert screen_size([-ratio for ratio in slower], RULE, same) == RULE.look
    assert screen_size(noise(0.3, 90, 3), RULE, rose) == RULE.most_screen


def test_promises_are_replayed_at_their_own_size() -> None:
    result = replays([("time_it", pairs(noise(0.02, 900)))], {}, RULE, silent, 20)
    assert len(result.promised) == 20
    assert all(RULE.least <= trial.level < 0.10 for trial in result.promised)
    assert np.mean([trial.found[GATE] for trial in result.promised]) > 0.6


def test_a_recorded_block_is_read_back_as_it_was_measured() -> None:
    """Values are lower quartiles of the samples; a third process is the control's."""
    block = [[100, 104, 120, 102, 108], [110, 110, 110, 110, 110], [1, 1, 1, 1, 1]]
    measured = pair(block)
    assert (measured.base_value, measured.head_value) == pytest.approx((102e-9, 110e-9))
    assert measured.log_ratio == pytest.approx(np.log(110 / 102))
    assert measured.swapped().log_ratio == pytest.approx(-measured.log_ratio)
    judged = measured.block("time_it", "screen", 3, factor=1.1)
    assert judged.log_ratio() == pytest.approx(measured.log_ratio + log1p(0.1))
    assert (judged.number, judged.stage, judged.base.value) == (3, "screen", measured.base_value)


def test_pools_are_in_order_of_time_screen_before_confirmation(run: MakeRun) -> None:
    first, second = run(number=0, ratios=[0.1, 0.2]), run(number=1, ratios=[0.4])
    row = first.rows[0]
    later = type(row)(
        **{
            **{name: getattr(row, name) for name in row.__struct_fields__},
            "confirmation": recorded([0.3], arms=3),
        }
    )
    first = type(first)(
        **{**{name: getattr(first, name) for name in first.__struct_fields__}, "rows": [later]}
    )
    ((name, blocks),) = pools([first, second])
    assert name == "bodies.time_training"
    assert [exp(block.log_ratio) for block in blocks] == pytest.approx(
        [exp(block) for block in (0.1, 0.2, 0.3, 0.4)], rel=1e-5
    )


@pytest.mark.parametrize(
    ("spread", "name"), [(0.005, "≤ 1 %"), (0.02, "≤ 2.5 %"), (0.04, "≤ 5 %"), (0.2, "more")]
)
def test_blocks_are_classed_by_their_spread(spread: float, name: str) -> None:
    assert spread_class(pairs(noise(spread, 200))) == name
    assert spread_class(pairs(noise(spread, 4))) is None
