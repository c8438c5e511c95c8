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


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_what_the_look_calls_detectable_is_detected(spread: float) -> None:
    """Of slowdowns as large as the median promise, nearly all are found."""
    promises = [simulated(0.0, 0.0, spread, seed).smallest_detectable for seed in range(25)]
    promised = float(np.median([promise for promise in promises if promise is not None]))
    assert tally(0.0, promised, spread, 60)["regression"] >= 57


def test_the_same_work_that_looks_slower_and_has_no_time_to_be_confirmed_is_inconclusive() -> None:
    row = screened(0.0, 0.2 + noise(0.01, 10), time_it=0)
    assert row.verdict == "inconclusive"
    assert "raise --budget" in (row.reason or "")


def test_work_that_rose_stands_on_both_where_the_clock_agrees() -> None:
    agrees, blind = screened(0.05, 0.05 + noise(0.005, 10)), screened(0.05, LOUD)
    assert (agrees.verdict, agrees.stands_on) == ("regression", "both")
    assert "5.0% more instructions" in (agrees.reason or "")
    assert (blind.verdict, blind.stands_on) == ("regression", "work")


def test_time_that_rose_less_than_the_work_and_plenty_is_no_contradiction() -> None:
    """Twice the instructions in a fifth more time are a slowdown all the same."""
    row = screened(1.0, log1p(0.2) + noise(0.01, 10))
    assert (row.verdict, row.stands_on) == ("regression", "both")


@pytest.mark.parametrize("numbers", [0, 4])
def test_instructions_that_rose_on_every_draw_need_no_clock(numbers: int) -> None:
    row = screened(0.05, np.zeros(numbers))
    assert (row.verdict, row.stands_on) == ("regression", "work")
    row = screened(-0.434, np.zeros(numbers))
    assert (row.verdict, row.stands_on) == ("improvement", "work")


DRAWS = {"one": (0.18, 0.18), "others that differ": (0.182, 0.182, 0.183, 0.121)}


@pytest.mark.parametrize("draws", DRAWS)
@pytest.mark.parametrize(
    ("time", "verdict"),
    [
        (None, "inconclusive"),
        (0.06 + noise(0.01, 10), "regression"),  # surely more than 0
        (0.02 + 0.3 * LOUD, "inconclusive"),
        (0.004 * LOUD, "no change"),  # surely less than 3%
    ],
)
def test_a_rise_that_is_not_sure_of_itself_needs_the_clock_as_a_witness(
    draws: str, time: np.ndarray | None, verdict: str
) -> None:
    """Where it neither agrees nor contradicts the row is open, and the run says so."""
    row, reason = on_draws(draws, time)
    assert row.verdict == verdict
    assert row.probably_slower is (verdict == "inconclusive")
    assert reason.startswith("probably slower: +1") is row.probably_slower


def test_of_several_draws_an_estimate_that_follows_half_way_is_witness_enough() -> None:
    """Of one it is not: other inputs may need as much less, and here the clock is not sure."""
    for draws, time, verdict in (
        ("others that differ", 0.25 + 0.65 * LOUD, "regression"),
        ("one", 0.25 + 0.65 * LOUD, "inconclusive"),
        ("others that differ", 0.05 + 0.116 * LOUD, "inconclusive"),  # a third of the rise
        ("others that differ", 0.25 + 2 * LOUD, "inconclusive"),
    ):
        assert on_draws(draws, time)[0].verdict == verdict


def on_draws(draws: str, time: np.ndarray | None) -> tuple[Row, str]:
    some = counts("time_it", *DRAWS[draws])
    some += [] if time is None else blocks("time_it", time.tolist())
    judgement = judge([benchmark("time_it")], some, {}, RULE)
    return judgement.rows[0], judgement.reason


def test_what_fell_on_one_draw_is_an_improvement_if_time_follows_and_else_acquits() -> None:
    for time, verdict in (
        (0.3 * LOUD - 0.4, "improvement"),
        (0.3 * LOUD, "no change"),
        (np.zeros(0), "no change"),
    ):
        some = [*counts("time_it", -0.497, -0.497), *blocks("time_it", time.tolist())]
        assert judge([benchmark("time_it")], some, {}, RULE).rows[0].verdict == verdict


def test_a_little_more_on_one_draw_is_left_to_the_clock() -> None:
    """Another draw may need as much less."""
    some = [*counts("time_it", 0.02, 0.02), *blocks("time_it", noise(0.005, 10).tolist())]
    (row,) = judge([benchmark("time_it")], some, {}, RULE).rows
    assert (row.verdict, row.probably_slower) == ("no change", False)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-0.5, 0.0149), min_size=2, max_size=5),
    st.floats(-0.5, 0.5),
    st.floats(0, 1),
    st.integers(0, 12),
    st.integers(0, 10**6),
)
def test_without_a_counted_rise_only_a_confirmation_makes_a_regression(
    changes: list[float], time: float, spread: float, size: int, seed: int
) -> None:
    """One draw that shows none is enough, whatever the clock sees."""
    ratios = (time + noise(spread, size, seed)).tolist()
    some = [*counts("time_it", *changes), *blocks("time_it", ratios)]
    judgement = judge([benchmark("time_it")], some, {}, RULE)
    assert judgement.verdict != "regression"
    assert not judgement.rows[0].probably_slower


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0.015, 1), min_size=1, max_size=4),
    st.floats(-0.5, 0),
    st.floats(0, 0.005),
    st.integers(0, 10**6),
)
def test_no_count_is_a_regression_against_a_clock_that_surely_saw_none(
    changes: list[float], time: float, spread: float, seed: int
) -> None:
    ratios = (time - 0.01 + noise(spread, 10, seed)).tolist()
    some = [*counts("time_it", changes[0], *changes), *blocks("time_it", ratios)]
    assert judge([benchmark("time_it")], some, {}, RULE).verdict == "clean"


def test_work_that_fell_is_an_improvement_unless_the_clock_contradicts() -> None:
    agrees, blind = screened(-0.1, -0.1 + noise(0.01, 10)), screened(-0.1, LOUD)
    against = screened(-0.1, 0.005 + noise(0.002, 10))
    assert (agrees.verdict, agrees.stands_on) == ("improvement", "both")
    assert (blind.verdict, blind.stands_on) == ("improvement", "work")
    assert (against.verdict, against.stands_on) == ("no change", "time")
    assert "10.0% fewer instructions, and the clock saw +0." in (against.reason or "")


def test_less_work_in_more_time_is_a_regression_where_fresh_blocks_confirm_it() -> None:
    """Fewer instructions that miss the cache."""
    assert simulated(-0.1, 0.1, 0.01, 3).verdict == "regression"
    assert screened(-0.1, 0.2 + noise(0.01, 10), time_it=0).verdict == "inconclusive"


def alarmed(work: float, rounds: int = 3) -> Judgement:
    """A run that confirms a slowdown of another benchmark, whose control is as slow."""
    slow = [0.2 + 0.001 * number for number in range(20)]
    some = [
        *counts("time_it", *[work] * rounds),
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
    assert alarmed(0.05, rounds=2).reason.startswith("probably slower: +5% ")


def test_a_crash_under_valgrind_leaves_the_clock_alone() -> None:
    crash = Reading(status="failed", reason="it ended with SIGILL")
    timed = blocks("time_it", noise(0.01, 10).tolist())
    some = [*counts("time_it", failed=crash), *timed]
    row, alone = (judge([benchmark("time_it")], these, {}, RULE).rows[0] for these in (some, timed))
    assert row.not_counted == "it ended with SIGILL"
    assert replace(row, not_counted=None) == alone
    assert (row.verdict, row.stands_on) == ("no change", "time")


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
