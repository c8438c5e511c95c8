"""What several runs say together, and which of them do."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import Interval, standing
from perceptron.statistics.ranking import confidence_of, rank_rows
from perceptron.statistics.sessions import excluded, in_sessions, joined, of_session, over_sessions
from tests.made import measured


def interval(middle: float, reach: float) -> Interval:
    """An interval by its logarithms."""
    return Interval(exp(middle), exp(middle - reach), exp(middle + reach))


INTERVALS = st.builds(interval, st.floats(-1, 1), st.floats(1e-3, 0.5))
SESSIONS = st.lists(INTERVALS, min_size=1, max_size=6)


def width(one: Interval) -> float:
    assert one.low is not None
    assert one.high is not None
    return log(one.high / one.low)


@given(SESSIONS, st.randoms(use_true_random=False))
def test_their_order_does_not_matter(sessions: list[Interval], random: np.random.Generator) -> None:
    other = list(sessions)
    random.shuffle(other)
    one, two = joined(sessions), joined(other)
    assert [one.estimate, *one.ends] == pytest.approx([two.estimate, *two.ends])


@pytest.mark.parametrize("together", [joined, of_session])
@given(SESSIONS)
def test_they_are_never_surer_than_the_surest(
    together: Callable[[list[Interval]], Interval], several: list[Interval]
) -> None:
    assert width(together(several)) >= min(map(width, several)) * (1 - 1e-9)


def test_sessions_group_runs_within_an_hour() -> None:
    """However long a chain of runs goes on; what has no start that can be read is one by itself."""
    first, second, third, last = (
        f"2026-11-27T{at}:00Z" for at in ("08:00", "08:50", "09:10", "10:10")
    )
    mixed = [last, "yesterday", second, None, first, third]
    assert in_sessions(mixed) == [[first, second], [third], [last], ["yesterday"], [None]]


def test_sessions_noisy_run_keeps_decided_one() -> None:
    decided, poor = interval(0.3, 0.1), interval(0.1, 2.0)
    assert standing(of_session([decided, poor])) == "slower"
    assert standing(joined([decided, poor])) == "open"


@given(INTERVALS, INTERVALS)
def test_sessions_of_two_span_both_intervals(one: Interval, other: Interval) -> None:
    both = joined([one, other])
    for session in (one, other):
        assert (both.low or 0) <= (session.low or 0) < (session.high or 0) <= (both.high or 0)


@given(st.floats(-0.4, 0.4), st.floats(0.05, 0.5))
def test_sessions_that_contradict_are_open(lead: float, apart: float) -> None:
    one, other = interval(lead - apart / 2, apart / 5), interval(lead + apart / 2, apart / 5)
    assert excluded(one, other)
    together = joined([one, other])
    if abs(lead) < 1.5 * apart and not together.is_tie:
        assert standing(together) == "open"


@pytest.mark.parametrize("sessions", [3, 5])
def test_coverage_of_states_that_differ(sessions: int) -> None:
    """Between sessions sd 0.1, of each its own 0.03: what they say together holds the truth."""
    random = np.random.default_rng(53)
    truth, held, simulated = log(1.3), 0, 2000
    for _ in range(simulated):
        middles = truth + random.normal(0, 0.1, sessions) + random.normal(0, 0.03, sessions)
        together = joined([interval(float(middle), 1.96 * 0.03) for middle in middles])
        held += (together.low or 0) <= exp(truth) <= (together.high or 9)
    assert held >= 0.93 * simulated


def test_runs_of_one_session_are_no_sessions() -> None:
    """Three sessions of two runs each, which share its state: six would be sure of too much."""
    random = np.random.default_rng(53)
    starts = [f"2026-11-27T{hour:02}:{minute}:00Z" for hour in (8, 12, 20) for minute in (10, 20)]
    truth, simulated, held = log(1.3), 2000, {"sessions": 0, "runs": 0}
    for _ in range(simulated):
        middles = truth + random.normal(0, 0.1, 3).repeat(2) + random.normal(0, 0.03, 6)
        runs = [interval(float(middle), 1.96 * 0.03) for middle in middles]
        by_session = over_sessions(dict(zip(starts, runs, strict=True)), 0.95, between=0.95)
        assert by_session is not None
        for name, bounds in (("sessions", by_session), ("runs", joined(runs))):
            held[name] += (bounds.low or 0) <= exp(truth) <= (bounds.high or 9)
    assert held["sessions"] >= 0.93 * simulated
    assert held["runs"] < 0.9 * simulated


def test_sessions_without_interval_are_ignored() -> None:
    closed, open_one = interval(0.5, 0.1), Interval(0.2, None, None)
    assert joined([open_one, closed]) == closed


DECIDED = st.sampled_from([Interval(1.5, 1.2, None), Interval(0.8, None, 0.9)])


@given(
    st.dictionaries(
        st.sampled_from([f"2026-11-27T{at}:00Z" for at in ("08:00", "08:20", "12:00", "20:00")]),
        INTERVALS | DECIDED,
        min_size=2,
    )
)
@example(
    {
        "2026-11-27T08:00:00Z": Interval(0.8, None, 0.9),
        "2026-11-27T08:20:00Z": interval(-0.03125, 0.015625),
    }
)
def test_sessions_never_contradict_a_decided_run(runs: dict[str, Interval]) -> None:
    """Whether sessions share an hour or not; also where contention leaves an end unknown."""
    joint = over_sessions(dict(runs), 0.95, between=0.95)
    together = standing(joint)
    others = {standing(run) for run in runs.values()} - {"open", together}
    assert together == "open" or not others


def test_sessions_outvoted_run_leaves_answer_open() -> None:
    """Its session is open, the others are sure: together they are not."""
    starts = [f"2026-11-27T{at}:00Z" for at in ("08:00", "08:20", "12:00", "20:00")]
    runs = [interval(0.0, 0.02), interval(0.2, 0.1), interval(0.15, 0.01), interval(0.15, 0.01)]
    assert standing(joined([of_session(runs[:2]), *runs[2:]])) == "slower"
    together = over_sessions(dict(zip(starts, runs, strict=True)), 0.95, between=0.95)
    assert standing(together) == "open"


@pytest.mark.parametrize("candidates", [5, 10])
def test_sessions_rarely_decide_between_equal_candidates(candidates: int) -> None:
    """The more of them, the more may be slow by chance in all three sessions."""
    random = np.random.default_rng(1)
    level, wrong, trials = confidence_of(candidates), 0, 200
    for _ in range(trials):
        means = random.normal(0, 0.1, (candidates, 3))
        ratios = [
            joined([interval(mean, 0.02) for mean in other_means - means[0]], level, between=level)
            for other_means in means[1:]
        ]
        wrong += any(standing(ratio) in ("slower", "faster") for ratio in ratios)
    assert wrong <= 0.09 * trials  # 5% in truth


def rows(session: str, seconds: dict[str, float], **fields: object) -> list[Measurement]:
    """Five repeats of each backend in one session."""
    about = {"waited": 0.0, "session": session, "when": session, **fields}
    return [
        measured(backend=name, repeat=repeat, seconds=typical * (1 + 0.001 * repeat), **about)
        for name, typical in seconds.items()
        for repeat in range(5)
    ]


MORNING, NOON = (f"2026-11-27T{hour}:00:00Z" for hour in ("08", "12"))


def test_sessions_that_name_another_winner_decide_none() -> None:
    """Two committed runs: numpy at width 2,048 in 1,126 and 2,035 µs, torch in 1,153 and 1,651."""
    first = rows(MORNING, {"numpy": 1126e-6, "torch-cpu": 1200e-6})
    second = rows(NOON, {"numpy": 2035e-6, "torch-cpu": 1651e-6})
    assert rank_rows(first).winner == "numpy"
    assert rank_rows(second).winner == "torch-cpu"
    ranking = rank_rows([*first, *second])
    assert (ranking.decided, set(ranking.doubts.values())) == ("no", {"runs disagree"})


def test_sessions_agreeing_lead_is_decided() -> None:
    seen = [rows(when, {"a": 1e-3, "b": b}) for when, b in ((MORNING, 9e-3), (NOON, 7e-3))]
    assert rank_rows([*seen[0], *seen[1]]).winner == "a"
