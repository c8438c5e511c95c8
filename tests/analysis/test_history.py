from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, isfinite

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perceptron.analysis.history import CaseHistory, histories
from perceptron.records.measurement import Measurement
from tests.made import measured

START = datetime(2026, 1, 1, tzinfo=UTC)


def asv_row(number: int, seconds: float | None, **fields: object) -> Measurement:
    """Make what asv measured of one commit; its revision says nothing about the order."""
    of_commit = {
        "source": "asv",
        "commit": f"{(number * 7919) % 10007:012x}",
        "committed": (START + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return measured(seconds=seconds, **(of_commit | fields))


def past_of(seconds: list[float]) -> CaseHistory:
    (past,) = histories(asv_row(number, value) for number, value in enumerate(seconds))
    return past


def noisy(levels: list[float], noise: float, seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    return [level * exp(noise * random.standard_normal()) for level in levels]


@given(
    before=st.integers(20, 60),
    after=st.integers(20, 60),
    change=st.sampled_from([-0.4, -0.3, 0.3, 0.5, 1.0]),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1e-7, 1e-3, 10.0]),
)
def test_a_step_in_noise_is_found_at_its_commit(
    before: int, after: int, change: float, seed: int, scale: float
) -> None:
    """With its size, whatever the unit; the levels' intervals do not overlap."""
    past = past_of(noisy([scale] * before + [scale * (1 + change)] * after, 0.01, seed))
    assert [(step.first, step.last) for step in past.steps] == [
        (0, before - 1),
        (before, before + after - 1),
    ]
    old, new = past.steps
    assert old.change is None
    assert new.change.estimate == pytest.approx(change, abs=0.02 * (1 + change))
    assert new.change.estimate == pytest.approx(new.level.estimate / old.level.estimate - 1)
    assert new.change.low < new.change.estimate < new.change.high
    assert (new.change.low > 0) == (change > 0)


def test_the_interval_of_a_change_covers() -> None:
    """Of steps whose place is clear, 95 % hold the truth; 90 % of 300 is beyond chance."""
    covered = 0
    for seed in range(300):
        past = past_of(noisy([1.0] * 12 + [1.5] * 12, 0.02, seed))
        change = past.steps[1].change
        covered += change.low <= 0.5 <= change.high
    assert covered >= 270


def test_commits_are_in_the_order_of_their_dates() -> None:
    """Neither of their revisions nor of the rows; equal dates by revision."""
    rows = [asv_row(number, 1.0 + number) for number in (3, 0, 2, 1)]
    (past,) = histories(rows)
    assert [point.seconds for point in past.points] == [1.0, 2.0, 3.0, 4.0]
    same = [asv_row(0, 1.0, commit=commit) for commit in ("c", "a", "b")]
    assert [point.commit for point in histories(same)[0].points] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "other",
    [
        {"machine": "bus"},
        {"environment": "py3.14"},
        {"size": 2},
        {"backend": "torch-cpu"},
    ],
)
def test_what_differs_is_another_case(other: dict[str, object]) -> None:
    rows = [asv_row(number, 1.0, **fields) for number in range(2) for fields in ({}, other)]
    assert [len(past.points) for past in histories(rows)] == [2, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"source": "perceptron"},
        {"commit": None},
        {"committed": None},
        {"status": "failed"},
        {"seconds": 0.0},
    ],
)
def test_what_is_no_time_of_a_dated_commit_is_left_out(other: dict[str, object]) -> None:
    """And with it a case of which one commit is left: that is no history."""
    assert histories([asv_row(0, 1.0), asv_row(1, **{"seconds": 1.0, **other})]) == []


ANY_TIMES = st.lists(
    st.floats(min_value=1e-18, max_value=1e9) | st.sampled_from([1e9, 1e-18, 1.0]),
    min_size=2,
    max_size=40,
)


@given(ANY_TIMES)
@example([1e9, 1e-18] * 20)
def test_stretches_are_the_series_and_finite(seconds: list[float]) -> None:
    """Without a gap or overlap, and whatever the values; what asv is given always ends."""
    steps = past_of(seconds).steps
    assert [step.first for step in steps] == [0] + [step.last + 1 for step in steps[:-1]]
    assert steps[-1].last == len(seconds) - 1
    for step in steps:
        assert step.first <= step.last
        for known in filter(None, (step.level, step.change)):
            numbers = (known.estimate, known.low, known.high)
            assert all(isfinite(number) for number in numbers if number is not None)
