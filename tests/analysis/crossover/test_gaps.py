from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.crossover import gaps
from perceptron.analysis.crossover.crossing import zero_crossings
from perceptron.analysis.crossover.gaps import Gaps
from perceptron.analysis.crossover.points import Point, points
from perceptron.analysis.interval import robust_mean
from tests.analysis.crossover.conftest import SPREAD, A, B, at


def contains_zero(left: Point, right: Point, weight: float) -> bool:
    """Whether the interval does at one size between two; of the processes that measured both."""
    both = {*left.processes} & {*right.processes}
    if len(both) >= max(2, min(left.count, right.count, 5)):
        before, after = (
            [ratio for process, ratio in zip(p.processes, p.ratios, strict=True) if process in both]
            for p in (left, right)
        )
        middle, reach = robust_mean((1 - weight) * np.array(before) + weight * np.array(after))
    else:
        middle = (1 - weight) * left.mean + weight * right.mean
        reach = (1 - weight) * left.reach(0.95) + weight * right.reach(0.95)
    return abs(middle) <= reach


def plain_walk(points: Sequence[Point], index: int, zero: float, step: int) -> float | None:
    """Walk from ``zero`` through every step of every gap."""
    last = zero
    while 0 <= index < len(points) - 1:
        left, right = points[index], points[index + 1]
        for weight in np.linspace(0, 1, 201)[::step]:
            x = (1 - weight) * left.x + weight * right.x
            if (x - zero) * step <= 0:
                continue
            if not contains_zero(left, right, weight):
                return last
            last = float(x)
        index += step
    return None


@given(
    line=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.0, 0.2, -0.2, 2.0, -2.0]),
            st.sampled_from([range(4), range(4), range(2), range(2, 4), range(9)]),
        ),
        min_size=2,
        max_size=7,
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_every_walk_ends_where_one_step_by_step_does(
    line: list[tuple[float, range]], seed: int
) -> None:
    """Whichever were walked before, from wherever in a gap, and whoever measured each size."""
    random = np.random.default_rng(seed)
    rows = [
        measured
        for k, (mean, processes) in enumerate(line)
        for measured in at(3**k, mean + random.normal(0, 0.3, 9))
        if measured.repeat in processes
    ]
    here = points(rows, A, B)
    walked = Gaps(here)
    for index in range(len(here) - 1):
        zero = 0.3 * here[index].x + 0.7 * here[index + 1].x
        for step in (-1, 1):
            assert walked.walk(index, zero, step) == plain_walk(here, index, zero, step)


def test_each_gap_is_calculated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the work would grow with the square of the sizes where noise hides many changes."""
    calls = []
    trimmed = gaps.trimmed
    monkeypatch.setattr(gaps, "trimmed", lambda values: (calls.append(1), trimmed(values))[1])
    noise = points([measured for k in range(40) for measured in at(3**k, SPREAD)], A, B)
    walked = Gaps(noise)
    for index, point in enumerate(noise[:-1]):
        assert walked.walk(index, point.x, step=1) is None
        assert walked.walk(index, point.x, step=-1) is None
    assert len(calls) == len(noise) - 1


def test_a_change_between_single_values_has_no_interval() -> None:
    (zero,) = zero_crossings(points([*at(1, [0.5]), *at(4, [-0.5])], A, B))
    assert (zero.low, zero.high) == (None, None)
