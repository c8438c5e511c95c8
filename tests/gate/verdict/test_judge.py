"""The verdict follows from the blocks: a regression is slower for sure."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge, log_ratios, replay
from perceptron.gate.verdict.outcome import outcome, retry
from perceptron.gate.verdict.waits import always_waiting, waits_of
from perceptron.records.block import Block, SideMeasurement, Stage
from tests.gate.conftest import benchmark, blocks, counts
from tests.gate.verdict.conftest import FAILED, LATE, RULE, calm, judged, noise, trial
from tests.made_comparison import block


def judgement_of(
    screen: np.ndarray, fresh: np.ndarray, control: np.ndarray | None = None
) -> Judgement:
    """Judge one benchmark."""
    controls = noise(0.01, len(fresh), 9) if control is None else control
    return replay(
        [benchmark("time_it")],
        blocks("time_it", screen.tolist()),
        blocks("time_it", fresh.tolist(), "confirmation", controls.tolist()),
    )


def test_gate_verdict_is_clean_below_three_per_cent() -> None:
    """And says what it could have seen; however bad the screen looked, however sure 2% is."""
    for screen, fresh in (
        (calm(0.0, 0.015), noise(0.015, 60, 2)),
        (calm(0.3, 0.001), noise(0.01, 60, 2)),
        (calm(log1p(0.02), 0.001), log1p(0.02) + noise(0.001, 60, 2)),
    ):
        judgement = judgement_of(screen, fresh)
        (row,) = judgement.rows
        assert (judgement.verdict, row.verdict) == ("clean", "no change")
        assert 0.0 < (row.smallest_detectable or 0) < 0.07
    assert row.confirmation_blocks > 0
    assert (row.p_adjusted or 0) < 0.001


@pytest.mark.parametrize("drift", [0.08, 0.06, -0.06])
def test_gate_verdict_control_alarm_is_inconclusive(
    drift: float,
) -> None:
    """Base differs from itself: whatever made it differ made head differ too."""
    judgement = judgement_of(calm(0.08), 0.08 + noise(0.01, 60, 2), drift + noise(0.01, 60, 3))
    assert judgement.control.alarmed
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")


def test_gate_verdict_needs_control_for_regression() -> None:
    """Its second copy broke: nobody knows whether base differs from itself."""
    slower = (log1p(0.08) + noise(0.01, 20, 2)).tolist()
    fresh = [replace(block, control=FAILED) for block in blocks("time_it", slower, "confirmation")]
    screen = blocks("time_it", calm(log1p(0.08)).tolist())
    judgement = judged([*screen, *fresh], {"time_it": 20})
    assert (judgement.verdict, judgement.rows[0].verdict) == ("inconclusive", "inconclusive")
    assert "second copy" in (judgement.rows[0].reason or "")


def waiting(originals: list[Block], base: float | None, head: float | None) -> list[Block]:
    """The same blocks, whose processes waited for these shares of their time."""
    return [
        replace(block, base=replace(block.base, waited=base), head=replace(block.head, waited=head))
        for block in originals
    ]


@pytest.mark.parametrize(
    ("base", "head", "said"), [(0.1, 0.3, True), (0.001, 0.002, False), (None, None, False)]
)
def test_gate_verdict_noise_from_waiting_is_explained(
    base: float | None, head: float | None, said: bool
) -> None:
    (row,) = judged(waiting(blocks("time_it", calm(0.0, 0.3).tolist()), base, head)).rows
    assert row.verdict == "inconclusive"
    assert ("waited 20% of its time for a core" in (row.reason or "")) is said


@pytest.mark.parametrize("stage", ["count", "calibration"])
def test_gate_verdict_waits_are_of_timed_blocks(stage: Stage) -> None:
    waited = SideMeasurement(status="ok", instructions=1.0, waited=0.9)
    takes = [
        replace(block, stage=stage, head=waited, take=take)
        for take in (0, 1)
        for block in counts("time_it", *[0.0] * 4)
    ]
    assert waits_of(takes) == {}
    assert always_waiting(takes) is None


def test_gate_verdict_ignores_take_contended_in_one_arm() -> None:
    """Its row says how often that was, and how long the processes that count waited."""
    still = waiting(blocks("time_it", calm(0.0, 0.005).tolist()), 0.0, 0.01)
    hit = waiting(blocks("time_it", [2.0] * 10), 0.0, 0.5)
    again = [replace(block, take=1) for block in still]
    both = [block for pair in zip(hit, again, strict=True) for block in pair]
    row, alone = (judged(measured).rows[0] for measured in (both, still))
    assert replace(row, retaken=0) == alone
    assert (row.retaken, row.wait_share, row.contended) == (10, pytest.approx(0.005), 0)


def test_gate_verdict_failed_retake_replaces_no_good_take() -> None:
    """Three failures on HEAD are too many for a verdict, in whichever takes they were."""
    first = waiting(blocks("time_it", calm(0.0, 0.005).tolist()), 0.0, 0.5)
    retakes = [replace(block, take=1, head=FAILED) for block in first]
    few, many = (judged([*first, *retakes[:n]]).rows[0] for n in (2, 3))
    assert (few.verdict, few.screen_blocks, few.retaken) == ("no change", 10, 2)
    assert (many.verdict, many.reason) == (
        "inconclusive",
        "fails now and then on HEAD: ValueError: x",
    )


def test_gate_verdict_uses_least_one_sided_take() -> None:
    """By the waiting alone, whatever the ratios are; a side that always waits is named."""
    takes = [
        replace(block, take=take)
        for take, share in enumerate((0.5, 0.1, 0.3))
        for block in waiting(blocks("time_it", [float(take)] * 6), 0.0, share)
    ]
    assert log_ratios(takes, "screen")["time_it"] == pytest.approx([1.0] * 6)
    (row,) = judged(takes).rows
    assert (row.retaken, row.wait_share) == (12, pytest.approx(0.05))
    assert (row.reason or "").endswith(
        "HEAD waited for cores in block after block and BASE did not: for threads of its own, "
        "or for a neighbour"
    )


def test_gate_verdict_quiet_screen_keeps_long_confirmation() -> None:
    """Then a few loud blocks would hide what is there."""
    loud = np.where(np.arange(60) % 5 == 0, 0.3, 0.0)
    judgement = judgement_of(calm(0.1, 0.001), 0.1 + noise(0.01, 60, 2) + loud)
    assert judgement.rows[0].confirmation_blocks == RULE.confirmation
    assert judgement.verdict == "regression"


def test_holm_counts_everything_that_was_confirmed_together() -> None:
    """Beside nineteen others, the same p-value weighs twenty times as much."""
    keys = [f"time_{number}" for number in range(20)]
    screen = [b for key in keys for b in blocks(key, calm(0.1, 0.02).tolist())]
    fresh = [
        block
        for number, key in enumerate(keys)
        for block in blocks(
            key,
            ((0.0 if number else 0.1) + noise(0.02, 60, number + 5)).tolist(),
            "confirmation",
            noise(0.02, 60, number + 99).tolist(),
        )
    ]
    judgement = replay([benchmark(key) for key in keys], screen, fresh)
    alone = replay([benchmark(keys[0])], screen[:10], fresh[:60])
    assert [row.verdict for row in judgement.rows].count("slower") == 1
    assert (judgement.rows[0].p_adjusted or 0) > (alone.rows[0].p_adjusted or 1)


SKIPPED = SideMeasurement(status="skipped", reason="no library")
SLOW = SideMeasurement(status="slow", reason="no answer within 15 s", wall_seconds=15.0)
SPARED = SideMeasurement(status="untried", reason="one call is too long: no answer within 15 s")
CRASHED = (
    counts("time_it", failed=SideMeasurement(status="failed", reason="it ended with SIGILL")) * 4
)


def twice(**sides: SideMeasurement) -> list[Block]:
    return [trial(number, **sides) for number in (0, 1)]


def now_and_then(*sides: str) -> list[Block]:
    """Every third block fails there."""
    failing = dict.fromkeys(sides, FAILED)
    measured = blocks("time_it", calm(0.0).tolist())
    return [block if block.number % 3 else replace(block, **failing) for block in measured]


# The verdict on the row, that on the run, and what the row says.
OUTCOMES: dict[str, tuple[list[Block], str, str, str]] = {
    "breaks on HEAD": (twice(head=FAILED), "slower", "regression", "broke on HEAD: ValueError"),
    "breaks, whatever was counted": (
        [*twice(head=FAILED), *counts("time_it", 0.0)],
        *("slower", "regression", "broke on HEAD"),
    ),
    "breaks on BASE": (twice(base=FAILED), "faster", "clean", "on HEAD only"),
    "breaks on both": (twice(base=FAILED, head=FAILED), "invalid", "invalid", "fails on both"),
    "breaks and is not tried again": (
        [trial(head=FAILED), trial(1, base=LATE, head=LATE)],
        *("inconclusive", "inconclusive", "no time was left for it"),
    ),
    # It may be chance, and it may be what changed.
    "now and then": (now_and_then("head"), "inconclusive", "inconclusive", "now and then"),
    "now and then on BASE": (now_and_then("base"), "invalid", "invalid", "now and then"),
    "now and then on both": (now_and_then("base", "head"), "invalid", "invalid", "now and then"),
    # It is no hang: base takes a third of it.
    "takes longer than there is time for": (
        twice(base=replace(trial().base, wall_seconds=5.0), head=SLOW),
        *("inconclusive", "inconclusive", "raise --budget, or its own timeout"),
    ),
    # An import that it lost, say; what is new there is skipped on BASE.
    "skipped": (twice(head=SKIPPED), "inconclusive", "inconclusive", "on HEAD only: no library"),
    "skipped on BASE": (twice(base=SKIPPED), "invalid", "invalid", "on BASE only: no library"),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_gate_verdict_failed_benchmark_has_reason(name: str) -> None:
    some, of_row, of_run, says = OUTCOMES[name]
    judgement = judged(some)
    assert (judgement.rows[0].verdict, judgement.verdict) == (of_row, of_run)
    assert says in (judgement.rows[0].reason or "")


def test_gate_verdict_failure_on_both_is_invalid_alone() -> None:
    fine = blocks("time_other", calm(0.0).tolist())
    both = [benchmark("time_it"), benchmark("time_other")]
    judgement = judge(both, [*twice(base=FAILED, head=FAILED), *fine], {}, RULE)
    assert (judgement.verdict, judgement.rows[0].verdict) == ("clean", "invalid")


def test_gate_verdict_leaves_out_head_spared_by_slow_base() -> None:
    """Nobody knows whether it works there."""
    judgement = judged([trial(base=SLOW, head=SPARED)])
    assert judgement.rows == []
    assert "too long" in judgement.left_out[0].reason


@pytest.mark.parametrize("some", [[trial(base=LATE, head=LATE)], [trial()]])
def test_gate_verdict_without_time_states_count_failure(some: list[Block]) -> None:
    """Whether it was tried or not."""
    reason = "importing suite: no answer within 156 s"
    late = SideMeasurement(status="slow", reason=reason)
    judgement = judged([*some, block("time_it", 0, late, late, "count")])
    (row,) = [*judgement.rows, *judgement.left_out]
    assert reason in (row.reason or "")
    assert "no time was left" in (row.reason or "")


def test_gate_verdict_retries_failed_or_late_trials() -> None:
    """What ends while it is counted has not failed: valgrind may lack an instruction."""
    assert outcome([trial(), *CRASHED]) == outcome([trial()])
    assert outcome(CRASHED) == outcome([])
    for some, again in (
        (CRASHED, False),
        ([trial(head=FAILED), *counts("time_it", 0.0)], True),
        ([trial(base=SLOW, head=SPARED)], False),
        ([trial(base=SLOW)], True),
    ):
        assert retry(some) is again


@given(st.floats(-0.2, 0.2), st.floats(0, 0.1), st.integers(0, 1000))
def test_swapping_base_and_head_turns_the_change_around(
    change: float, spread: float, seed: int
) -> None:
    """Slower one way is faster the other way, with the same certainty.

    But for noise: what is surely no slowdown of ten per cent is judged however noisy it is.
    """
    screen, fresh = change + noise(spread, 10, seed), change + noise(spread, 60, seed + 1)
    forth, back = judgement_of(screen, fresh).rows[0], judgement_of(-screen, -fresh).rows[0]
    if forth.change is None or back.change is None:
        assert forth.change is back.change
        return
    assert (1 + forth.change) * (1 + back.change) == pytest.approx(1)
    opposite = {"slower": "faster", "faster": "slower"}
    if "inconclusive" in {forth.verdict, back.verdict}:
        assert {forth.verdict, back.verdict} <= {"inconclusive", "no change"}
        slower = max(forth, back, key=lambda row: row.change or 0.0)
        assert slower.verdict == "inconclusive"
        return
    assert back.verdict == opposite.get(forth.verdict, forth.verdict)
