"""Counts say whether it is the same work, or why they cannot say it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.judge import judge
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import WorkEvidence, wants_again, wants_other_draws, work_of
from perceptron.records.block import Block, Reading, Status
from tests.gate.conftest import benchmark, blocks, counts

RULE = Rule()


def evidence(*changes: float, again: float = 0.0) -> WorkEvidence:
    return work_of(counts("time_it", *changes, again=again), RULE)["time_it"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ((0.0,), "same"),
        ((0.0099, 0.0099), "same"),
        ((0.011, 0.011, 0.011), "changed"),
        ((0.016, 0.016, 0.016), "rose"),
        ((-0.016, -0.016, -0.016), "fell"),
        ((0.05, 0.05, 0.005), "changed"),
        ((0.05, 0.05, -0.05), "changed"),
    ],
)
def test_work_rose_only_if_it_did_in_every_round(changes: tuple[float, ...], kind: str) -> None:
    assert evidence(*changes).kind == kind


@pytest.mark.parametrize("rise", [0.3, 0.04])
def test_what_rose_in_its_only_count_is_probably_slower_without_a_clock(rise: float) -> None:
    """It was left out, so that a run of which half did the same was clean. Where the clock has
    numbers, one count says nothing."""
    once = [*counts("time_it", rise), blocks("time_it", [0.0], "calibration")[0]]
    late = Reading(status="untried", reason="no time was left to try it")
    once[-1] = replace(once[-1], base=late, head=late)
    judged = judge([benchmark("time_it")], once, {}, RULE)
    assert (judged.verdict, judged.left_out) == ("inconclusive", [])
    assert judged.reason.startswith(f"probably slower: +{100 * rise:.0f}% instructions")
    timed = [*counts("time_it", rise), *blocks("time_it", [0.0, 0.001] * 5)]
    assert judge([benchmark("time_it")], timed, {}, RULE).verdict == "clean"


def test_what_surely_rose_is_a_regression_also_where_nothing_was_tried() -> None:
    late = Reading(status="untried", reason="no time was left to try it")
    tried = replace(blocks("time_it", [0.0], "calibration")[0], base=late, head=late)
    blocks_of_it = [*counts("time_it", 0.05, 0.05, 0.05), tried]
    assert judge([benchmark("time_it")], blocks_of_it, {}, RULE).verdict == "regression"


def test_counts_that_do_not_repeat_are_none() -> None:
    seen = evidence(0.05, 0.05, again=0.01)
    assert (seen.kind, seen.work) == ("not counted", None)
    assert "not repeatable" in (seen.reason or "")
    assert evidence(0.05, 0.05, 0.05, again=0.004).kind == "rose"


def test_a_rise_of_ten_times_their_noise_is_one() -> None:
    """Loops over integers: +27%, and 1.8% more of both in another layout of memory."""
    seen = evidence(0.27, 0.27, 0.27, again=0.0175)
    assert seen.kind == "rose"
    assert evidence(0.15, 0.15, 0.15, again=0.0175).kind == "not counted"


def test_one_draw_is_not_enough_to_rise() -> None:
    assert evidence(0.05, 0.05).kind == "changed"


def test_draws_that_do_not_agree_are_no_rise_until_there_are_many() -> None:
    """A revision that draws one number more works on other inputs than the other one."""
    assert evidence(0.05, 0.05, 0.02).kind == "changed"
    assert wants_other_draws(counts("time_it", 0.05, 0.05, 0.02), RULE)
    assert not wants_other_draws(counts("time_it", 0.05, 0.05, 0.0501), RULE)
    assert not wants_other_draws(counts("time_it", 0.05, 0.05, 0.01), RULE)
    assert evidence(0.05, 0.05, 0.045, 0.05, 0.055).kind == "rose"


def test_inputs_that_are_others_on_each_side_are_hardly_ever_a_rise() -> None:
    """Simulated: each side of each draw executes what its own input needs."""
    random = np.random.default_rng(1)
    risen = 0
    for spread in (0.02, 0.1, 0.3):
        for _ in range(300):
            drawn = np.expm1(random.normal(0, spread, 4))
            changes = [drawn[0], *drawn]
            known = 2
            while known < 5 and wants_other_draws(counts("time_it", *changes[: known + 1]), RULE):
                known += 1
            risen += evidence(*changes[: known + 1]).kind == "rose"
    assert risen <= 9, "of 900"


def test_what_waits_most_of_the_time_is_not_described_by_its_counts() -> None:
    """A sleep of twice the time, or a process of its own that does twice the work."""
    trial = blocks("time_it", [0.0])[0]
    waits = replace(trial, stage="calibration", head=Reading(status="ok", idle=0.9))
    runs = replace(trial, stage="calibration", head=Reading(status="ok", idle=0.2))
    seen = work_of([waits, *counts("time_it", 0.0)], RULE)["time_it"]
    assert (seen.kind, seen.work) == ("not counted", None)
    assert "waits" in (seen.reason or "")
    (row,) = judge([benchmark("time_it")], [waits, *counts("time_it", 0.0), trial], {}, RULE).rows
    assert row.idle == 0.9
    assert work_of([runs, *counts("time_it", 0.0)], RULE)["time_it"].kind == "same"


@pytest.mark.parametrize("status", ["failed", "slow", "untried"])
def test_what_could_not_be_counted_says_why(status: Status) -> None:
    failed = Reading(status=status, reason="an instruction is missing")
    seen = work_of(counts("time_it", failed=failed), RULE)["time_it"]
    assert seen == WorkEvidence("not counted", reason="an instruction is missing")


def test_a_process_that_executes_nothing_is_not_counted() -> None:
    nothing = counts("time_it", failed=Reading(status="ok", instructions=0.0))
    assert "no instruction" in (work_of(nothing, RULE)["time_it"].reason or "")


def in_rounds(changes: dict[int, float], base: dict[int, float] | None = None) -> list[Block]:
    """Counts of these rounds, in which HEAD executes so much more; BASE so often 10 million."""
    return [
        replace(block, number=number)
        for number, change in changes.items()
        for block in counts("time_it", change, base=1e7 * (base or {}).get(number, 1.0))
    ]


def test_another_round_follows_only_where_there_is_a_doubt() -> None:
    assert not wants_other_draws(in_rounds({0: 0.0009}), RULE)
    assert wants_other_draws(in_rounds({0: 0.002}), RULE), "which shows how they repeat"
    assert not wants_other_draws(in_rounds({0: 0.002, 2: 0.005}), RULE)
    assert not wants_other_draws(in_rounds({0: 0.05, 2: 0.05}), RULE), "it agrees"
    assert wants_other_draws(in_rounds({0: 0.05, 2: 0.02, 1: 0.05}), RULE)


def test_the_same_draws_are_counted_again_only_where_others_are_other_work() -> None:
    assert not wants_again(in_rounds({0: 0.05}), RULE)
    assert not wants_again(in_rounds({0: 0.05, 2: 0.05}, {2: 1.004}), RULE)
    other = in_rounds({0: 0.05, 2: 0.05}, {2: 1.3})
    assert wants_again(other, RULE)
    assert work_of(other, RULE)["time_it"].kind == "not counted"
    repeated = in_rounds({0: 0.05, 2: 0.05, 1: 0.05}, {2: 1.3})
    assert not wants_again(repeated, RULE)
    assert work_of(repeated, RULE)["time_it"].kind == "rose"


def test_other_draws_of_as_much_work_show_that_counts_repeat() -> None:
    assert work_of(in_rounds({0: 0.05, 2: 0.05}), RULE)["time_it"].kind == "rose"
    assert work_of(in_rounds({0: 0.005, 2: 0.005}), RULE)["time_it"].kind == "same"
    seen = work_of(in_rounds({0: 0.005, 2: 0.005}, {2: 1.002}), RULE)["time_it"].work
    assert seen is not None
    assert seen.noise == pytest.approx(0.002)


@settings(deadline=None)
@given(st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=3))
def test_swapped_revisions_turn_the_work_around(changes: list[float]) -> None:
    forth = counts("time_it", *changes)
    back = [
        type(block)(
            stage="count",
            number=block.number,
            benchmark=block.benchmark,
            order=block.order,
            sides=block.sides,
            base=block.head,
            head=block.base,
        )
        for block in forth
    ]
    one, other = (work_of(some, RULE)["time_it"] for some in (forth, back))
    assert {"rose": "fell", "fell": "rose"}.get(one.kind, one.kind) == other.kind
