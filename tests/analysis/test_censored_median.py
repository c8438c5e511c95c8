"""The median of censored times, beside what is known of it without scipy."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.censored_median import median_of
from perceptron.analysis.interval import Interval

times = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)
outcomes = st.lists(st.tuples(st.floats(0.01, 1e4), st.booleans()), min_size=1, max_size=30)


@given(times)
def test_where_all_get_there_it_is_the_plain_median(seconds: list[float]) -> None:
    found = median_of(seconds, [True] * len(seconds))
    assert found is not None
    assert found.estimate == pytest.approx(median(seconds))


@given(times, st.integers(0, 40))
def test_those_given_up_last_only_raise_the_rank(seconds: list[float], late: int) -> None:
    """Given up behind all others they count as slower, as if they had got there at the very end.

    So the median is that of all, and there is none once more than half are given up.
    """
    end = max(seconds) * 2
    found = median_of([*seconds, *[end] * late], [True] * len(seconds) + [False] * late)
    if late > len(seconds):
        assert found is None
    elif late < len(seconds):
        assert found is not None
        assert found.estimate == pytest.approx(median([*seconds, *[end] * late]))
    else:
        assert found is not None
        assert found.estimate == pytest.approx((max(seconds) + end) / 2)


@given(outcomes)
def test_the_interval_holds_the_median_and_moves_with_the_unit(
    seen: list[tuple[float, bool]],
) -> None:
    seconds, reached = [at for at, _ in seen], [there for _, there in seen]
    found = median_of(seconds, reached)
    scaled = median_of([1000 * at for at in seconds], reached)
    if found is None:
        assert scaled is None
        return
    assert scaled is not None
    assert scaled.estimate == pytest.approx(1000 * found.estimate)
    assert found.low is None or found.low <= found.estimate
    assert found.high is None or found.high >= found.estimate
    assert 2 * sum(reached) >= len(reached)
    assert min(seconds) <= found.estimate <= max(seconds)


@given(outcomes)
def test_giving_up_instead_of_getting_there_never_makes_the_median_less(
    seen: list[tuple[float, bool]],
) -> None:
    """Of the last one, of which nothing else is known: it must not look like a quick one."""
    seconds, reached = [at for at, _ in seen], [there for _, there in seen]
    last = max(range(len(seconds)), key=lambda index: seconds[index])
    before = median_of(seconds, [there or index == last for index, there in enumerate(reached)])
    after = median_of(seconds, [there and index != last for index, there in enumerate(reached)])
    assert before is not None or after is None
    if before is not None and after is not None:
        assert after.estimate >= before.estimate or after.estimate == pytest.approx(before.estimate)


def test_seven_seeds_have_both_ends_and_fewer_none_above() -> None:
    """What the documentation says of how many seeds it takes."""
    seven = median_of([1, 2, 3, 4, 5, 6, 7], [True] * 7)
    assert seven == Interval(4.0, 1.0, 6.0)
    for number in range(2, 7):
        fewer = median_of(list(range(1, number + 1)), [True] * number)
        assert fewer is not None
        assert fewer.low == 1.0
        assert fewer.high is None
    assert median_of([3.0], [True]) == Interval(3.0, None, None)


def test_nobody_there_is_no_median() -> None:
    assert median_of([], []) is None
    assert median_of([5.0, 5.0], [False, False]) is None
    assert median_of([1.0, 5.0, 5.0], [True, False, False]) is None
    assert median_of([9.0, 5.0, 5.0], [True, False, False]) is None
