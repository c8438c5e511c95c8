"""A row's verdict combines what the clock says with how much work there was."""

from __future__ import annotations

from collections import Counter
from math import log1p

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge, replay
from perceptron.gate.verdict.promotion import suspicious
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.work import work_of
from perceptron.records.block import Block, Reading
from perceptron.records.comparison import Row
from tests.gate.conftest import benchmark, blocks, counts

RULE = Rule()
LOUD = np.array([0.3, -0.3] * 5)
"""Ten blocks that say nothing."""


def noise(spread: float, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, count)


def worked(change: float) -> list[Block]:
    """As many rounds of counts as the gate takes of such a change."""
    return counts("time_it", *[change] * (3 if abs(change) >= RULE.same_work else 1))


def screened(change: float, ratios: np.ndarray, **planned: int) -> Row:
    """Judge one benchmark of which nothing was confirmed."""
    some = [*worked(change), *blocks("time_it", ratios.tolist())]
    return judge([benchmark("time_it")], some, planned, RULE).rows[0]


def simulated(work: float, time: float, spread: float, seed: int) -> Row:
    """Judge one run as the gate makes it, with as many blocks as it would take."""
    screen, fresh, control = (
        log1p(shift) + noise(spread, count, 3 * seed + index)
        for index, (shift, count) in enumerate(((time, 30), (time, 60), (0.0, 60)))
    )
    counted = worked(work)
    evidence = work_of(counted, RULE)
    if evidence["time_it"].kind == "same":
        look = {"time_it": screen[: RULE.look].tolist()}
        size = RULE.screen if suspicious(look, evidence, RULE) else RULE.look
    else:
        size = RULE.screen
        while size < RULE.most_screen and noisy({"time_it": screen[:size].tolist()}, RULE):
            size += 1
    return replay(
        [benchmark("time_it")],
        [*counted, *blocks("time_it", screen[:size].tolist())],
        blocks("time_it", fresh.tolist(), "confirmation", control.tolist()),
    ).rows[0]


def tally(work: float, time: float, spread: float, runs: int) -> Counter[str]:
    return Counter(simulated(work, time, spread, seed).verdict for seed in range(runs))


@pytest.mark.parametrize("spread", [0.005, 0.5])
def test_more_work_is_a_regression_at_any_noise_of_the_clock(spread: float) -> None:
    assert tally(0.03, 0.03, spread, 60)["regression"] >= 59


@pytest.mark.parametrize(("time", "spread"), [(-0.1, 0.01), (-0.2, 0.1)])
def test_more_work_in_less_time_is_no_regression(time: float, spread: float) -> None:
    """It was vectorised, say."""
    assert tally(0.03, time, spread, 60) == {"no change": 60}


@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_much_more_work_in_less_time_is_hardly_ever_one_at_any_noise(spread: float) -> None:
    """Where the clock is too noisy to contradict it, it must agree by its estimate at least."""
    assert tally(0.25, -0.2, spread, 60)["regression"] <= 1


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.0099, 0.0099), st.floats(0, 2), st.integers(0, 10**6), st.integers(0, 12))
@example(0.0, 2.0, 1, 6)
def test_the_same_work_is_never_inconclusive_for_noise(
    work: float, spread: float, seed: int, size: int
) -> None:
    """Whatever the clock says, where it convicts nothing; also where it did not look."""
    again = counts("time_it", work, work)
    some = [*again, *blocks("time_it", (noise(spread, size, seed)).tolist())]
    row = judge([benchmark("time_it")], some, {}, RULE).rows[0]
    assert row.verdict == "no change"
    assert row.stands_on in {"work", "both"}
    assert row.work is not None
    seen = row.smallest_detectable
    assert (row.stands_on == "both") is (seen is not None and seen <= RULE.blind)


def test_the_same_work_says_what_the_clock_could_have_seen() -> None:
    quiet, loud = screened(0.0, noise(0.005, 6)), screened(0.0, np.array([0.04, -0.04] * 3))
    assert (quiet.stands_on, quiet.reason) == ("both", None)
    assert loud.smallest_detectable is not None
    share = f"{100 * loud.smallest_detectable:.0f} %"
    assert (loud.stands_on, loud.reason) == (
        "work",
        f"same work; the clock could have seen {share}",
    )
    assert "too noisy" in (screened(0.0, noise(3.0, 6)).reason or "")


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_what_the_look_calls_detectable_is_detected(spread: float) -> None:
    """Of slowdowns as large as the median promise, nearly all are found."""
    promises = [simulated(0.0, 0.0, spread, seed).smallest_detectable for seed in range(25)]
    promised = float(np.median([promise for promise in promises if promise is not None]))
    assert tally(0.0, promised, spread, 60)["regression"] >= 57


def test_a_look_must_be_suspicious_first_so_it_promises_less_than_a_screen() -> None:
    ratios = noise(0.02, 6)
    same, changed = (screened(work, ratios).smallest_detectable for work in (0.0, 0.012))
    assert same is not None
    assert changed is not None
    assert same > changed


def test_the_same_work_that_looks_slower_and_has_no_time_to_be_confirmed_is_inconclusive() -> None:
    row = screened(0.0, 0.2 + noise(0.01, 10), time_it=0)
    assert row.verdict == "inconclusive"
    assert "raise --budget" in (row.reason or "")


def test_work_that_rose_stands_on_both_where_the_clock_agrees() -> None:
    agrees, blind = screened(0.05, 0.05 + noise(0.005, 10)), screened(0.05, LOUD)
    assert (agrees.verdict, agrees.stands_on) == ("regression", "both")
    assert (agrees.reason or "").startswith("work rose by 5.0 %")
    assert (blind.verdict, blind.stands_on) == ("regression", "work")


def test_a_clock_that_contradicts_is_heard_with_what_it_saw() -> None:
    row = screened(0.05, -0.003 + noise(0.003, 10))
    assert (row.verdict, row.stands_on) == ("no change", "time")
    assert row.change is not None
    assert (row.reason or "").startswith(
        f"work rose by 5.0 %, and the clock saw {100 * row.change:+.1f} % ["
    )


def test_time_that_rose_less_than_the_work_and_plenty_is_no_contradiction() -> None:
    """Twice the instructions in a fifth more time are a slowdown all the same."""
    row = screened(1.0, log1p(0.2) + noise(0.01, 10))
    assert (row.verdict, row.stands_on) == ("regression", "both")


def test_work_that_rose_needs_a_look_of_the_clock() -> None:
    row = screened(0.05, np.zeros(4))
    assert row.verdict == "inconclusive"
    assert row.reason == "work rose by 5.0 %, and no time was left for the clock: raise --budget"


def test_work_that_fell_is_an_improvement_unless_the_clock_contradicts() -> None:
    agrees, blind = screened(-0.1, -0.1 + noise(0.01, 10)), screened(-0.1, LOUD)
    against = screened(-0.1, 0.005 + noise(0.002, 10))
    assert (agrees.verdict, agrees.stands_on) == ("improvement", "both")
    assert (blind.verdict, blind.stands_on) == ("improvement", "work")
    assert (against.verdict, against.stands_on) == ("no change", "time")
    assert (against.reason or "").startswith("work fell by 10.0 %, and the clock saw +0.")


def test_less_work_in_more_time_is_a_regression_where_fresh_blocks_confirm_it() -> None:
    """Fewer instructions that miss the cache."""
    assert simulated(-0.1, 0.1, 0.01, 3).verdict == "regression"
    assert screened(-0.1, 0.2 + noise(0.01, 10), time_it=0).verdict == "inconclusive"


def alarmed(work: float) -> Judgement:
    """A run that confirms a slowdown of another benchmark, whose control is as slow."""
    slow = [0.2 + 0.001 * number for number in range(20)]
    some = [
        *worked(work),
        *blocks("time_it", (log1p(work) + noise(0.005, 10)).tolist()),
        *blocks("time_other", slow[:10]),
        *blocks("time_other", slow, "confirmation", slow),
    ]
    both = [benchmark("time_it"), benchmark("time_other")]
    return judge(both, some, {"time_other": 20}, RULE)


def test_more_work_stands_where_base_differs_from_itself() -> None:
    """The clock is no witness there, and a count needs none."""
    judgement = alarmed(0.05)
    assert judgement.control.alarmed
    assert [row.verdict for row in judgement.rows] == ["regression", "inconclusive"]
    assert judgement.verdict == "regression"
    assert "second copy" in judgement.reason
    assert alarmed(0.0).verdict == "inconclusive"


def test_a_crash_under_valgrind_leaves_the_clock_alone() -> None:
    crash = Reading(status="failed", reason="it ended with SIGILL")
    timed = blocks("time_it", noise(0.01, 10).tolist())
    some = [*counts("time_it", failed=crash), *timed]
    row, alone = (judge([benchmark("time_it")], these, {}, RULE).rows[0] for these in (some, timed))
    assert row.not_counted == "it ended with SIGILL"
    assert replace(row, not_counted=None) == alone
    assert (row.verdict, row.stands_on) == ("no change", "time")


def test_what_is_far_faster_is_not_inconclusive_for_want_of_blocks() -> None:
    for spread in (0.05, 0.2):
        some = blocks("time_it", (-1.9 + noise(spread, 10)).tolist())
        row = judge([benchmark("time_it")], some, {"time_it": 0}, RULE).rows[0]
        assert row.verdict == "no change"
        assert row.reason == "looks faster, not confirmed: raise --budget"


def test_noise_that_could_hide_a_slowdown_is_inconclusive() -> None:
    some = blocks("time_it", noise(0.3, 10).tolist())
    row = judge([benchmark("time_it")], some, {}, RULE).rows[0]
    assert row.verdict == "inconclusive"
    assert "raise --budget" in (row.reason or "")


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.5, 0.5), st.floats(0, 0.5), st.integers(0, 10**6))
def test_only_what_could_hide_a_tenth_is_inconclusive_for_noise(
    change: float, spread: float, seed: int
) -> None:
    some = blocks("time_it", (change + noise(spread, 10, seed)).tolist())
    row = judge([benchmark("time_it")], some, {}, RULE).rows[0]
    blind = row.smallest_detectable is None or row.smallest_detectable > RULE.blind
    assert row.high is not None
    assert (row.verdict == "inconclusive") is (blind and row.high >= RULE.blind)
