"""A row's verdict combines what the clock says with how much work there was."""

from __future__ import annotations

from math import log1p
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.estimate import estimate
from perceptron.gate.verdict.instructions import instruction_evidence
from perceptron.gate.verdict.judge import Judgement, judge, replay
from perceptron.gate.verdict.promotion import suspicious
from perceptron.gate.verdict.rule import smallest_detectable
from perceptron.records.block import SideMeasurement
from perceptron.records.comparison import Row
from tests.gate.conftest import benchmark, blocks, counts
from tests.gate.verdict.conftest import LATE, LOUD, RULE, calm, judged, noise, trial


class Case(NamedTuple):
    """What was counted in rounds, and the log-ratios of a screen, None where none was taken."""

    changes: tuple[float, ...]
    clock: np.ndarray | None
    verdict: str
    evidence: str | None = None
    says: str = ""
    """Part of the reason of the row, or of the run where the row is probably slower."""
    late: bool = False
    """Whether there was no time to confirm the screen, or to try what has none."""


MORE, MUCH, LESS, ONE_LESS = (0.05,) * 3, (1.0,) * 3, (-0.1,) * 3, (-0.497,) * 2
ONE, DIFFER = (0.18, 0.18), (0.182, 0.182, 0.183, 0.121)
"""Of a single draw, and of several that do not agree."""
PROBABLY = "probably slower: +1"
CASES = {
    "more work in more time": Case(
        MORE, calm(0.05, 0.005), "slower", "both", "5.0% more instructions"
    ),
    "more work by a blind clock": Case(MORE, LOUD, "slower", "work"),
    "more work and no clock": Case(MORE, None, "slower", "work"),
    "more work that was not tried": Case(MORE, None, "slower", "work", late=True),
    "more work and few blocks": Case(MORE, np.zeros(4), "slower", "work"),
    "twice the work in a fifth more time": Case(MUCH, calm(log1p(0.2)), "slower", "both"),
    "less work in less time": Case(LESS, calm(-0.1), "faster", "both"),
    "less work by a blind clock": Case(LESS, LOUD, "faster", "work"),
    "less work and few blocks": Case((-0.434,) * 3, np.zeros(4), "faster", "work"),
    "less work in as much time": Case(
        LESS,
        calm(0.005, 0.002),
        "no change",
        "time",
        "10.0% fewer instructions, and the clock saw +0.",
    ),
    "less work in unconfirmed more time": Case(LESS, calm(0.2), "inconclusive", late=True),
    "less on one draw, in less time": Case(ONE_LESS, 0.3 * LOUD - 0.4, "faster"),
    "less on one draw, time unknown": Case(ONE_LESS, 0.3 * LOUD, "no change"),
    "less on one draw and no clock": Case(ONE_LESS, None, "no change"),
    "a little more on one draw": Case((0.02, 0.02), calm(0.0, 0.005), "no change"),
    "the same work in unconfirmed more time": Case(
        (0.0,), calm(0.2), "inconclusive", says="raise --budget", late=True
    ),
    "the same work that was not tried": Case((0.0,), None, "no change", late=True),
    "less work that was not tried": Case((-0.18,) * 3, None, "faster", late=True),
    "unconfirmed more time": Case((), calm(0.2), "inconclusive", says="raise --budget", late=True),
    "unconfirmed less time": Case((), calm(-0.2), "no change", late=True),
    # A rise that is not sure of itself needs the clock as a witness.
    **{
        f"{name} draws, {clock}": Case(changes, time, verdict, says=says)
        for name, changes in (("one", ONE), ("differing", DIFFER))
        for clock, time, verdict, says in (
            ("no clock", None, "inconclusive", PROBABLY),
            ("surely more than 0", calm(0.06), "slower", ""),
            ("open", 0.02 + 0.3 * LOUD, "inconclusive", PROBABLY),
            ("surely less than 3%", 0.004 * LOUD, "no change", ""),
        )
    },
    # Of several draws an estimate that follows half way is witness enough; of one it is not: other
    # inputs may need as much less, and here the clock is not sure.
    "half way on several": Case(DIFFER, 0.25 + 0.65 * LOUD, "slower"),
    "half way on one": Case(ONE, 0.25 + 0.65 * LOUD, "inconclusive", says=PROBABLY),
    "a third of the way": Case(DIFFER, 0.05 + 0.116 * LOUD, "inconclusive", says=PROBABLY),
    "half way and blind": Case(DIFFER, 0.25 + 2 * LOUD, "inconclusive", says=PROBABLY),
    # Of what rose in its only count, where the clock has numbers, the count says nothing.
    "once more, not tried": Case(
        (0.3,), None, "inconclusive", says="probably slower: +30%", late=True
    ),
    "once a little more, not tried": Case(
        (0.04,), None, "inconclusive", says="probably slower: +4%", late=True
    ),
    "once more, as fast": Case((0.3,), calm(0.0, 0.001), "no change"),
}


@pytest.mark.parametrize("name", CASES)
def test_work_and_time_make_the_verdict(name: str) -> None:
    """A count that is sure needs no clock; a clock that is sure contradicts any count."""
    case = CASES[name]
    measured = counts("time_it", *case.changes)
    if case.clock is not None:
        measured += blocks("time_it", case.clock.tolist())
    elif case.late:
        measured.append(trial(base=LATE, head=LATE))
    judgement = judged(measured, {"time_it": 0} if case.late and case.clock is not None else {})
    (row,) = judgement.rows
    assert row.verdict == case.verdict
    assert case.evidence in {None, row.evidence}
    probably = case.says.startswith("probably")
    assert row.probably_slower is probably
    assert case.says in ((judgement.reason if probably else row.reason) or "")


def probed(time: float, spread: float, seed: int) -> Row:
    """Judge a run of the same work as the gate makes it: with more blocks where it looks slower."""
    screen, fresh, control = (
        log1p(shift) + noise(spread, count, 3 * seed + index)
        for index, (shift, count) in enumerate(((time, RULE.screen), (time, 60), (0.0, 60)))
    )
    counted = counts("time_it", 0.0)
    probe = {"time_it": screen[: RULE.probe].tolist()}
    looks_slower = suspicious(probe, instruction_evidence(counted, RULE), RULE)
    size = RULE.screen if looks_slower else RULE.probe
    return replay(
        [benchmark("time_it")],
        [*counted, *blocks("time_it", screen[:size].tolist())],
        blocks("time_it", fresh.tolist(), "confirmation", control.tolist()),
    ).rows[0]


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_evidence_detectable_slowdown_is_detected(spread: float) -> None:
    """Of slowdowns as large as the median promise, nearly all are found."""
    promises = [probed(0.0, spread, seed).smallest_detectable for seed in range(25)]
    promised = float(np.median([promise for promise in promises if promise is not None]))
    verdicts = [probed(promised, spread, seed).verdict for seed in range(60)]
    assert verdicts.count("slower") >= 57


def test_evidence_same_work_must_look_suspicious_first() -> None:
    ratio = estimate(noise(0.05, RULE.probe).tolist())
    sizes = [
        smallest_detectable(ratio, RULE.probe, 60, 1, RULE, is_same) for is_same in (True, False)
    ]
    assert sizes[0] > sizes[1]


def test_fewer_instructions_that_take_longer_are_a_regression_once_confirmed() -> None:
    """They may miss the cache."""
    slower = (log1p(0.1) + noise(0.01, 60, 2)).tolist()
    fresh = blocks("time_it", slower, "confirmation", noise(0.01, 60, 3).tolist())
    screen = [*counts("time_it", *LESS), *blocks("time_it", slower[:10])]
    (row,) = replay([benchmark("time_it")], screen, fresh).rows
    assert (row.verdict, row.evidence) == ("slower", "time")


@given(st.floats(-0.0099, 0.0099), st.floats(0, 2), st.integers(0, 10**6), st.integers(0, 12))
@example(0.0, 2.0, 1, 6)
def test_evidence_same_work_is_never_too_noisy(
    work: float, spread: float, seed: int, size: int
) -> None:
    """Whatever the clock says, where it convicts nothing; also where it did not probe."""
    again = counts("time_it", work, work)
    (row,) = judged([*again, *blocks("time_it", noise(spread, size, seed).tolist())]).rows
    assert row.verdict == "no change"
    assert row.instructions is not None
    assert row.evidence == ("work" if row.clock_undecided else "both")


@given(
    st.lists(st.floats(-0.5, 0.0149), min_size=2, max_size=5),
    st.floats(-0.5, 0.5),
    st.floats(0, 1),
    st.integers(0, 12),
    st.integers(0, 10**6),
)
def test_evidence_without_counted_rise_needs_confirmation(
    changes: list[float], time: float, spread: float, size: int, seed: int
) -> None:
    """One draw that shows none is enough, whatever the clock sees."""
    ratios = (time + noise(spread, size, seed)).tolist()
    judgement = judged([*counts("time_it", *changes), *blocks("time_it", ratios)])
    assert judgement.verdict != "regression"
    assert not judgement.rows[0].probably_slower


@given(
    st.lists(st.floats(0.015, 1), min_size=1, max_size=4),
    st.floats(-0.5, 0),
    st.floats(0, 0.005),
    st.integers(0, 10**6),
)
def test_evidence_clock_that_saw_no_change_overrules_count(
    changes: list[float], time: float, spread: float, seed: int
) -> None:
    ratios = (time - 0.01 + noise(spread, 10, seed)).tolist()
    measured = [*counts("time_it", changes[0], *changes), *blocks("time_it", ratios)]
    assert judged(measured).verdict == "clean"


@given(st.floats(-0.5, 0.5), st.floats(0, 0.5), st.integers(0, 10**6))
def test_evidence_noise_is_inconclusive_if_a_tenth_may_hide(
    change: float, spread: float, seed: int
) -> None:
    (row,) = judged(blocks("time_it", (change + noise(spread, 10, seed)).tolist())).rows
    blind = row.smallest_detectable is None or row.smallest_detectable > RULE.blind
    assert row.high is not None
    assert (row.verdict == "inconclusive") is (blind and row.high >= RULE.blind)


def alarmed(work: float, rounds: int = 3) -> Judgement:
    """A run that confirms a slowdown of another benchmark, whose control is as slow."""
    slow = [0.2 + 0.001 * number for number in range(20)]
    measured = [
        *counts("time_it", *[work] * rounds),
        *blocks("time_it", calm(log1p(work), 0.005).tolist()),
        *blocks("time_other", slow[:10]),
        *blocks("time_other", slow, "confirmation", slow),
    ]
    both = [benchmark("time_it"), benchmark("time_other")]
    return judge(both, measured, {"time_other": 20}, RULE)


def test_evidence_counted_rise_stands_despite_control_alarm() -> None:
    """The clock is no witness there, and a count needs none."""
    judgement = alarmed(0.05)
    assert judgement.control.alarmed
    assert [row.verdict for row in judgement.rows] == ["slower", "inconclusive"]
    assert judgement.verdict == "regression"
    assert "second copy" in judgement.reason
    assert alarmed(0.0).verdict == "inconclusive"
    assert alarmed(0.05, rounds=2).reason.startswith("probably slower: +5% ")


def test_evidence_crash_under_valgrind_leaves_clock() -> None:
    crash = SideMeasurement(status="failed", reason="it ended with SIGILL")
    timed = blocks("time_it", calm(0.0).tolist())
    row, alone = (
        judged([*counted, *timed]).rows[0] for counted in (counts("time_it", failed=crash), [])
    )
    assert row.not_counted == "it ended with SIGILL"
    assert replace(row, not_counted=None) == alone
    assert (row.verdict, row.evidence) == ("no change", "time")


def test_evidence_slow_single_trial_is_not_clean_by_count() -> None:
    """Unless the machine made it wait for a core, or a second trial did not."""
    base, head = (
        SideMeasurement(status="ok", value=t, call_seconds=t, samples=[t]) for t in (1.0, 2.0)
    )
    tried = trial(base=base, head=head)
    for change in (0.0, -0.1):
        counted = counts("time_it", change, change, change)
        judgement = judged([*counted, tried])
        assert judgement.verdict == "inconclusive"
        assert "2.0 times as long" in (judgement.rows[0].reason or "")
        waited = replace(tried, head=replace(head, waited=0.4))
        assert judged([*counted, waited]).verdict == "clean"
        assert judged([*counted, tried, trial(1, base=base, head=base)]).verdict == "clean"


def test_evidence_open_count_without_trial_is_left_out() -> None:
    between = counts("time_it", 0.012, 0.012, 0.012)
    assert judged([*between, trial(base=LATE, head=LATE)]).rows == []


@pytest.mark.parametrize(
    ("again", "says"), [(0.4, "not repeatable: "), (0.006, "too noisy here: ")]
)
def test_evidence_unrepeatable_work_is_not_called_noisy(again: float, says: str) -> None:
    """Unless its counts differ by far less than its times do: then the machine was it."""
    (row,) = judged(
        [*counts("time_it", 0.05, 0.05, again=again), *blocks("time_it", LOUD.tolist())]
    ).rows
    assert row.verdict == "inconclusive"
    assert (row.reason or "").startswith(says)
