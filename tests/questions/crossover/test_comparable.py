from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perceptron.questions.crossover.comparable import ComparableRows, level_stretches
from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.questions.crossover.verdict import notes, verdict
from perceptron.records.measurement import Measurement
from tests.questions.crossover.conftest import row

A, B = "numpy", "gpu"
OLD, NEW = "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
SIZES = (10, 100, 1000)


def of_asv(backend: str, size: float, seconds: float, **fields: object) -> Measurement:
    """A row as it is read from another tool's file: its process is only its order."""
    defaults: dict[str, object] = {
        "source": "asv",
        "file": "a.json",
        "environment": "py3.12",
        "version": "1",
        "commit": "new",
        "committed": NEW,
    }
    return row(backend=backend, size=size, seconds=seconds, **(defaults | fields))


def sweep(backend: str, seconds: float, **fields: object) -> list[Measurement]:
    return [of_asv(backend, size, seconds, **fields) for size in SIZES]


def of_pair(rows: list[Measurement]) -> list[Crossover]:
    return crossovers(rows, [(A, B)])


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        ({"commit": "old-commit", "committed": OLD}, "commit old-comm, py3.12, version 1"),
        ({"environment": "py3.8"}, "commit new, py3.8, version 1"),
        ({"version": "another-version"}, "commit new, py3.12, version another-"),
    ],
)
def test_backends_that_were_never_measured_together_are_not_compared(
    apart: dict[str, str], words: str
) -> None:
    """The reason names the state of each."""
    (crossover,) = of_pair([*sweep(A, 1.0), *sweep(B, 0.1, **apart)])
    assert crossover.status == "not measured"
    assert crossover.reason == (
        f"never measured together: {A} at commit new, py3.12, version 1, {B} at {words}"
    )
    assert (crossover.commit, crossover.sizes_measured, crossover.files) == (None, [], [])


def test_points_use_all_values_if_one_backend_has_repeats() -> None:
    """A has 2 s; B has 5, 1 and 1.01 s. The first alone says that B loses, the rest that it wins.

    Their mean logarithm is that of 1.716 s, between the two; nothing is sure.
    """
    rows = [
        made
        for size in SIZES
        for made in (
            of_asv(A, size, 2.0),
            *(
                of_asv(B, size, seconds, repeat=process)
                for process, seconds in enumerate((5, 1, 1.01))
            ),
        )
    ]
    mean = exp((log(5) + log(1) + log(1.01)) / 3)
    for ordered in (rows, rows[::-1]):
        (crossover,) = of_pair(ordered)
        assert crossover.status == "undecided"
        assert [at.ratio for at in crossover.ratio_at] == pytest.approx([mean / 2] * 3)
        assert all(at.low < 1 < at.high for at in crossover.ratio_at)


def stated(backend: str, size: float, times: tuple[float, float, float]) -> Measurement:
    low, seconds, high = times
    return of_asv(backend, size, seconds, low=low, high=high)


def test_stated_intervals_of_one_process_decide_nothing() -> None:
    """B's median is twice A's and then half of it: it leads where the intervals are apart."""
    rows = [
        stated(A, 10, (0.9, 1.0, 1.1)),
        stated(B, 10, (1.8, 2.0, 2.2)),
        stated(A, 100, (0.4, 1.0, 1.1)),
        stated(B, 100, (0.45, 0.5, 0.9)),
    ]
    shorter = [*rows[:2], stated(A, 100, (0.95, 1.0, 1.1)), rows[3]]
    leanings = {"leaning: numpy leads at size 10": rows}
    leanings["leaning: numpy leads at size 10, gpu leads at 100"] = shorter
    for leaning, stated_rows in leanings.items():
        (crossover,) = of_pair(stated_rows)
        assert (crossover.status, crossover.crossings) == ("undecided", [])
        assert (crossover.decided_ranges, crossover.undecided_ranges) == ([], [(10, 100)])
        assert [at.ratio for at in crossover.ratio_at] == pytest.approx([2.0, 0.5])
        assert verdict(crossover).decided == "no"
        assert notes(crossover)[0] == leaning


seeds = st.tuples(
    st.sampled_from([A, B]),
    st.sampled_from(SIZES),
    st.sampled_from([("one", NEW), ("two", OLD), ("three", "2022-01-01T00:00:00Z")]),
    st.sampled_from(["py3.7", "py3.12"]),
    st.sampled_from(["1", "2"]),
)


@given(st.lists(seeds, unique=True))
def test_comparable_states_are_of_newest_commit_with_both(
    chosen: list[tuple[str, int, tuple[str, str], str, str]],
) -> None:
    """Judged by going through all pairs of rows."""
    rows = [
        of_asv(
            *(backend, size, 1.0),
            commit=commit,
            committed=committed,
            environment=environment,
            version=version,
        )
        for backend, size, (commit, committed), environment, version in chosen
    ]
    together = {
        (chosen_rows[2][1], chosen_rows[2][0], chosen_rows[3], chosen_rows[4])
        for chosen_rows in chosen
        for other in chosen
        if chosen_rows[0] == A and other[0] == B and chosen_rows[1:] == other[1:]
    }
    newest = max((state[0] for state in together), default=None)
    expected = {state[1:] for state in together if state[0] == newest}
    states = ComparableRows(rows).states(A, B)
    assert {state[1:4] for state in states} == expected
    assert len(states) == len(expected)


ANY_TIMES = st.lists(
    st.floats(min_value=1e-18, max_value=1e9) | st.sampled_from([1e9, 1e-18, 1.0]),
    min_size=2,
    max_size=40,
)


@given(ANY_TIMES)
@example([1e9, 1e-18] * 20)
def test_stretches_of_one_level_are_the_series(seconds: list[float]) -> None:
    """Without a gap or overlap, and whatever the values; what asv is given always ends."""
    stretches = level_stretches(seconds)
    assert [first for first, _ in stretches] == [0] + [last + 1 for _, last in stretches[:-1]]
    assert stretches[-1][1] == len(seconds) - 1
    assert all(first <= last for first, last in stretches)
