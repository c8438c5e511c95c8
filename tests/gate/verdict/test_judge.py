"""The verdict follows from the blocks: a regression is slower for sure."""

from __future__ import annotations

from math import log1p

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge, log_ratios, replay
from perceptron.gate.verdict.promotion import promote
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Block, Reading
from tests.gate.conftest import benchmark, blocks, counts

RULE = Rule()


def noise(spread: float, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, count)


def one(screen: np.ndarray, fresh: np.ndarray, control: np.ndarray | None = None) -> Judgement:
    """Judge one benchmark."""
    controls = noise(0.01, len(fresh), 9) if control is None else control
    return replay(
        [benchmark("time_it")],
        blocks("time_it", screen.tolist()),
        blocks("time_it", fresh.tolist(), "confirmation", controls.tolist()),
    )


def test_a_slowdown_is_a_regression_with_its_size_and_interval() -> None:
    judgement = one(log1p(0.08) + noise(0.01, 10), log1p(0.08) + noise(0.01, 60, 2))
    (row,) = judgement.rows
    assert (judgement.verdict, row.verdict) == ("regression", "regression")
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0.08 < row.high
    assert row.change == pytest.approx(0.08, abs=0.01)
    assert row.p_adjusted is not None
    assert row.p_adjusted <= 0.001
    assert row.base_seconds == pytest.approx(1e-3)


def test_no_change_is_clean_and_says_what_it_could_have_seen() -> None:
    judgement = one(noise(0.015, 10), noise(0.015, 60, 2))
    (row,) = judgement.rows
    assert (judgement.verdict, row.verdict) == ("clean", "no change")
    assert row.smallest_detectable is not None
    assert 0.03 < row.smallest_detectable < 0.07


def test_the_screen_alone_makes_no_regression() -> None:
    """Fresh blocks that show nothing acquit, however bad the screen looked."""
    judgement = one(0.3 + noise(0.001, 10), noise(0.01, 60, 2))
    assert (judgement.verdict, judgement.rows[0].verdict) == ("clean", "no change")
    assert judgement.rows[0].confirmation_blocks > 0


def test_a_sure_slowdown_below_three_per_cent_is_no_regression() -> None:
    judgement = one(log1p(0.02) + noise(0.001, 10), log1p(0.02) + noise(0.001, 60, 2))
    assert judgement.verdict == "clean"
    assert judgement.rows[0].p_adjusted is not None
    assert judgement.rows[0].p_adjusted < 0.001


def test_a_control_that_alarms_makes_the_run_inconclusive_without_a_regression() -> None:
    """Base differs from itself: whatever made it differ made head differ too."""
    shifted = 0.08 + noise(0.01, 60, 3)
    judgement = one(0.08 + noise(0.01, 10), 0.08 + noise(0.01, 60, 2), control=shifted)
    assert judgement.control.alarmed
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")


@pytest.mark.parametrize("sign", [1, -1])
def test_the_control_alarms_in_both_directions(sign: int) -> None:
    drift = sign * 0.06 + noise(0.01, 60, 3)
    assert one(0.08 + noise(0.01, 10), 0.08 + noise(0.01, 60, 2), drift).control.alarmed


def waiting(some: list[Block], base: float | None, head: float | None) -> list[Block]:
    """The same blocks, whose processes waited for these shares of their time."""
    return [
        replace(block, base=replace(block.base, waited=base), head=replace(block.head, waited=head))
        for block in some
    ]


def test_what_is_too_noisy_because_it_waited_says_so() -> None:
    noisy_blocks = blocks("time_it", list(noise(0.3, 10)))
    for base, head, said in ((0.1, 0.3, True), (0.001, 0.002, False), (None, None, False)):
        row = judge([benchmark("time_it")], waiting(noisy_blocks, base, head), {}).rows[0]
        assert row.verdict == "inconclusive"
        assert ("waited 20% of its time for a core" in (row.reason or "")) is said


def test_a_take_that_one_arm_waited_in_is_kept_and_judges_nothing() -> None:
    """Its row says how often that was, and how long the processes that count waited."""
    calm = waiting(blocks("time_it", list(noise(0.005, 10))), 0.0, 0.01)
    hit = waiting(blocks("time_it", [2.0] * 10), 0.0, 0.5)
    again = [replace(block, take=1) for block in calm]
    both = [block for pair in zip(hit, again, strict=True) for block in pair]
    row, alone = (judge([benchmark("time_it")], some, {}).rows[0] for some in (both, calm))
    assert replace(row, retaken=0) == alone
    assert (row.retaken, row.waited, row.disturbed) == (10, pytest.approx(0.005), 0)


def test_a_retake_that_failed_replaces_no_good_one_and_is_not_forgotten() -> None:
    """Three failures on HEAD are too many for a verdict, in whichever takes they were."""
    first = waiting(blocks("time_it", list(noise(0.005, 10))), 0.0, 0.5)
    failed = Reading(status="failed", reason="ValueError: x")
    retakes = [replace(block, take=1, head=failed) for block in first]
    few, many = (judge([benchmark("time_it")], [*first, *retakes[:n]], {}).rows[0] for n in (2, 3))
    assert (few.verdict, few.screen_blocks, few.retaken) == ("no change", 10, 2)
    assert (many.verdict, many.reason) == (
        "inconclusive",
        "fails now and then on HEAD: ValueError: x",
    )


def test_of_takes_that_all_are_one_sided_the_least_one_sided_counts() -> None:
    """By the waiting alone, whatever the ratios are; a side that always waits is named."""
    shares = (0.5, 0.1, 0.3)
    takes = [
        replace(block, take=take)
        for take, share in enumerate(shares)
        for block in waiting(blocks("time_it", [float(take)] * 6), 0.0, share)
    ]
    assert log_ratios(takes, "screen")["time_it"] == pytest.approx([1.0] * 6)
    row = judge([benchmark("time_it")], takes, {}).rows[0]
    assert (row.retaken, row.waited) == (12, pytest.approx(0.05))
    assert (row.reason or "").endswith(
        "HEAD waited for cores in block after block and BASE did not: for threads of its own, "
        "or for a neighbour"
    )


def test_a_change_that_there_is_no_time_to_confirm_is_inconclusive() -> None:
    """A short budget turns into not knowing, never into a guess."""
    screen = blocks("time_it", (0.2 + noise(0.01, 10)).tolist())
    judgement = judge([benchmark("time_it")], screen, {"time_it": 0}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")
    assert "--budget" in (judgement.rows[0].reason or "")


def test_a_screen_that_was_quiet_by_chance_makes_no_short_confirmation() -> None:
    """Then a few loud blocks would hide what is there."""
    loud = np.where(np.arange(60) % 5 == 0, 0.3, 0.0)
    judgement = one(0.1 + noise(0.001, 10), 0.1 + noise(0.01, 60, 2) + loud)
    assert judgement.rows[0].confirmation_blocks == RULE.confirmation
    assert judgement.verdict == "regression"


def test_holm_counts_everything_that_was_confirmed_together() -> None:
    """Beside nineteen others, the same p-value weighs twenty times as much."""
    keys = [f"time_{number}" for number in range(20)]
    shift = 0.1
    screen = [b for key in keys for b in blocks(key, (shift + noise(0.02, 10)).tolist())]
    fresh = [
        block
        for number, key in enumerate(keys)
        for block in blocks(
            key,
            ((shift if number == 0 else 0.0) + noise(0.02, 60, number + 5)).tolist(),
            "confirmation",
            noise(0.02, 60, number + 99).tolist(),
        )
    ]
    judgement = replay([benchmark(key) for key in keys], screen, fresh)
    alone = replay([benchmark(keys[0])], screen[:10], fresh[:60])
    assert [row.verdict for row in judgement.rows].count("regression") == 1
    first, single = judgement.rows[0].p_adjusted, alone.rows[0].p_adjusted
    assert first is not None
    assert single is not None
    assert first > single


def failing(block: Block, arm: str, reason: str = "ValueError: x") -> Block:
    reading = Reading(status="failed", reason=reason)
    return msgspec.structs.replace(block, **{arm: reading}, stage="calibration")


def trials(*arms: str) -> list[Block]:
    (block,) = blocks("time_it", [0.0])
    failed = block
    for arm in arms:
        failed = failing(failed, arm)
    return [msgspec.structs.replace(failed, number=number) for number in (0, 1)]


def test_what_fails_on_head_only_is_a_regression() -> None:
    judgement = judge([benchmark("time_it")], trials("head"), {}, RULE)
    assert judgement.verdict == "regression"
    assert judgement.rows[0].reason == "broke on HEAD: ValueError: x"


def test_what_fails_on_base_only_is_good_news() -> None:
    judgement = judge([benchmark("time_it")], trials("base"), {}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("clean", "improvement")


def test_what_fails_on_both_is_invalid_and_judges_nothing_else() -> None:
    fine = blocks("time_other", noise(0.01, 10).tolist())
    both = [benchmark("time_it"), benchmark("time_other")]
    judgement = judge(both, [*trials("base", "head"), *fine], {}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("clean", "invalid")
    assert judge(both[:1], trials("base", "head"), {}, RULE).verdict == "invalid"


@pytest.mark.parametrize(
    ("arms", "verdict"),
    [(("head",), "inconclusive"), (("base",), "invalid"), (("base", "head"), "invalid")],
)
def test_what_fails_now_and_then_is_no_regression_and_on_head_alone_never_clean(
    arms: tuple[str, ...], verdict: str
) -> None:
    """It may be chance, and it may be what changed."""
    flaky = blocks("time_it", noise(0.01, 10).tolist())
    for arm in arms:
        flaky = [failing(block, arm) if block.number % 3 == 0 else block for block in flaky]
    judgement = judge([benchmark("time_it")], flaky, {}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == (verdict, verdict)
    assert "now and then" in (judgement.rows[0].reason or "")


@pytest.mark.parametrize(("arm", "verdict"), [("head", "inconclusive"), ("base", "invalid")])
def test_what_only_head_skips_is_not_clean(arm: str, verdict: str) -> None:
    """An import that it lost, say; what is new there is skipped on base."""
    skipped = Reading(status="skipped", reason="no library")
    some = [msgspec.structs.replace(block, **{arm: skipped}) for block in trials()]
    judgement = judge([benchmark("time_it")], some, {}, RULE)
    assert judgement.rows[0].verdict == verdict
    assert f"on {arm.upper()} only: no library" in (judgement.rows[0].reason or "")


@pytest.mark.parametrize(
    ("timeout", "advice"), [(60.0, "raise --budget"), (15.0, "raise its own timeout of 15 s")]
)
def test_head_that_takes_longer_than_there_is_time_for_is_not_clean(
    timeout: float, advice: str
) -> None:
    """Where it is no hang: base takes a third of it. A larger budget gives no benchmark more than
    its own time-out."""
    slow = Reading(status="slow", reason="no answer within 15 s", wall_seconds=15.0)
    some = [
        msgspec.structs.replace(
            block, base=msgspec.structs.replace(block.base, wall_seconds=5.0), head=slow
        )
        for block in trials()
    ]
    own = msgspec.structs.replace(benchmark("time_it"), timeout=timeout)
    judgement = judge([own], some, {}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")
    assert advice in (judgement.rows[0].reason or "")


def test_a_failure_is_not_forgotten_because_there_was_no_time_to_repeat_it() -> None:
    first, second = trials("head")
    untried = msgspec.structs.replace(
        second, base=Reading(status="untried"), head=Reading(status="untried")
    )
    judgement = judge([benchmark("time_it")], [first, untried], {}, RULE)
    assert judgement.verdict == "inconclusive"


def test_what_head_was_spared_because_base_is_slow_is_left_out() -> None:
    """Nobody knows whether it works there."""
    (block, _) = trials()
    spared = msgspec.structs.replace(
        block,
        stage="calibration",
        base=Reading(status="slow", reason="no answer within 15 s", wall_seconds=15.0),
        head=Reading(status="untried", reason="one call is too long: no answer within 15 s"),
    )
    judgement = judge([benchmark("time_it")], [spared], {}, RULE)
    assert judgement.rows == []
    assert "too long" in judgement.left_out[0].reason


def test_what_was_counted_is_judged_by_that_where_there_was_no_time_to_try_it() -> None:
    """More work is said and less is no matter; what the count leaves open is left out."""
    (block,) = blocks("time_it", [0.0])
    late = Reading(status="untried", reason="no time was left for it: raise --budget")
    untried = msgspec.structs.replace(block, stage="calibration", base=late, head=late)
    for change, verdict in ((0.18, "regression"), (0.0, "clean"), (-0.18, "clean")):
        counted = counts("time_it", change, change, change)
        assert judge([benchmark("time_it")], [*counted, untried], {}, RULE).verdict == verdict
    between = counts("time_it", 0.012, 0.012, 0.012)
    assert judge([benchmark("time_it")], [*between, untried], {}, RULE).rows == []


def test_what_took_far_longer_in_its_only_trial_is_not_clean_by_its_count() -> None:
    (block,) = blocks("time_it", [0.0])
    base, head = (Reading(status="ok", value=t, call_seconds=t, samples=[t]) for t in (1.0, 2.0))
    tried = msgspec.structs.replace(block, stage="calibration", base=base, head=head)
    for change in (0.0, -0.1):
        counted = counts("time_it", change, change, change)
        judgement = judge([benchmark("time_it")], [*counted, tried], {}, RULE)
        assert judgement.verdict == "inconclusive"
        assert "2.0 times as long" in (judgement.rows[0].reason or "")
        waited = msgspec.structs.replace(tried, head=msgspec.structs.replace(head, waited=0.4))
        judgement = judge([benchmark("time_it")], [*counted, waited], {}, RULE)
        assert judgement.verdict == "clean", "the machine made it wait for a core"
        again = msgspec.structs.replace(tried, number=1, head=base)
        judgement = judge([benchmark("time_it")], [*counted, tried, again], {}, RULE)
        assert judgement.verdict == "clean"


def test_nothing_is_a_regression_without_a_control() -> None:
    """Its second copy broke: nobody knows whether base differs from itself."""
    slower = log1p(0.08)
    fresh = blocks("time_it", (slower + noise(0.01, 20, 2)).tolist(), "confirmation")
    broken = Reading(status="failed", reason="OSError: disk full")
    fresh = [msgspec.structs.replace(block, control=broken) for block in fresh]
    screen = blocks("time_it", (slower + noise(0.01, 10)).tolist())
    judgement = judge([benchmark("time_it")], [*screen, *fresh], {"time_it": 20}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")
    assert "second copy" in (judgement.rows[0].reason or "")


def test_what_may_be_slower_goes_before_what_may_be_faster() -> None:
    """However sure the speed-up looks: time for both may not be left."""
    screen = {
        "faster": (-0.5 + noise(0.001, 10)).tolist(),
        "slower": (0.1 + noise(0.02, 10)).tolist(),
    }
    assert promote(screen, RULE) == {"slower": 1, "faster": -1}
    assert list(promote(screen, RULE)) == ["slower", "faster"]


def test_a_speed_up_that_there_is_no_time_to_confirm_spoils_nothing() -> None:
    screen = blocks("time_it", (-0.2 + noise(0.01, 10)).tolist())
    judgement = judge([benchmark("time_it")], screen, {"time_it": 0}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("clean", "no change")


@given(st.floats(-0.2, 0.2), st.floats(0, 0.1), st.integers(0, 1000))
def test_swapping_base_and_head_turns_the_change_around(
    change: float, spread: float, seed: int
) -> None:
    """Slower one way is faster the other way, with the same certainty.

    But for noise: what is surely no slowdown of ten per cent is judged however noisy it is.
    """
    screen, fresh = change + noise(spread, 10, seed), change + noise(spread, 60, seed + 1)
    forth, back = one(screen, fresh).rows[0], one(-screen, -fresh).rows[0]
    if forth.change is None or back.change is None:
        assert forth.change is back.change
        return
    assert (1 + forth.change) * (1 + back.change) == pytest.approx(1)
    opposite = {"regression": "improvement", "improvement": "regression"}
    if "inconclusive" in {forth.verdict, back.verdict}:
        assert {forth.verdict, back.verdict} <= {"inconclusive", "no change"}
        slower = max(forth, back, key=lambda row: row.change or 0.0)
        assert slower.verdict == "inconclusive"
        return
    assert back.verdict == opposite.get(forth.verdict, forth.verdict)
