"""The one judge: who is fastest, what ties, and what is open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import Interval
from perceptron.statistics.ranking import rank, rank_rows
from tests.made import measured
from tests.made_verdicts import times


def rows(**seconds: tuple[float, ...]) -> list[Measurement]:
    return [
        measured(backend=backend, repeat=repeat, seconds=value, waited=0.0)
        for backend, values in seconds.items()
        for repeat, value in enumerate(values)
    ]


def test_ranking_of_one_candidate_is_undecided() -> None:
    """Nor where all others cannot run: then it is the one to use, and no comparison."""
    ranking = rank_rows(rows(a=times(1e-3)))
    assert (ranking.fastest, ranking.decided, ranking.choice) == ("a", "no", "no")
    refused = measured(backend="b", status="skipped", reason="no device")
    only = rank_rows([*rows(a=times(1e-3)), refused], names="ab")
    assert (only.decided, only.choice, only.unable) == ("no", "yes", ("b",))
    late = rank_rows([*rows(a=times(1e-3)), refused], names="abc")
    assert (late.choice, late.open, late.unable) == ("no", ("c",), ("b",))
    assert rank_rows([]).fastest is None


def test_repeats_that_measured_both_come_before_typical_times() -> None:
    """The second has one more repeat, of another time of day, that makes it look the faster."""
    made = rows(a=(1e-3, 1e-3, 1e-3), b=(2e-3, 2e-3, 2e-3, 1e-6, 1e-6, 1e-6))
    ranking = rank_rows(made)
    assert (ranking.order, ranking.winner) == (("a", "b"), "a")


def test_intervals_of_several_candidates_hold_together() -> None:
    spread = (-0.03, 0.02, 0.0, 0.03, -0.02)
    pair = rank_rows(rows(a=times(1e-3), b=times(1.5e-3, spread)))
    three = rank_rows(rows(a=times(1e-3), b=times(1.5e-3, spread), c=times(3e-3)))
    alone, together = pair.ratios["b"], three.ratios["b"]
    assert alone is not None
    assert together is not None
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low < alone.estimate


ratios = st.one_of(
    st.none(),
    st.floats(0.2, 5).map(lambda value: Interval(value, None, None)),
    st.tuples(st.floats(0.2, 5), st.floats(1.0, 1.5)).map(
        lambda drawn: Interval(drawn[0], drawn[0] / drawn[1], drawn[0] * drawn[1])
    ),
)


@given(st.dictionaries(st.sampled_from("abcde"), st.floats(1e-9, 1e3)), st.data())
def test_ranking_gives_each_candidate_one_position(
    seconds: dict[str, float], data: st.DataObject
) -> None:
    """Whatever the ratios say, even where they contradict each other."""
    known: dict[tuple[str, str], Interval | None] = {}

    def ratio_of(first: str, second: str, _level: float) -> Interval | None:
        if (first, second) not in known:
            known[first, second] = data.draw(ratios)
        return known[first, second]

    ranking = rank(seconds, ratio_of, unmeasured=["z"])
    others = [*ranking.ties, *ranking.slower, *(name for name in ranking.open if name != "z")]
    assert sorted(ranking.order) == sorted(seconds)
    assert sorted(others) == sorted(ranking.order[1:])
    assert ranking.decided != "yes"  # one has no time
    assert ranking.doubts.keys() == set(ranking.open)


def test_ranking_excludes_unable_and_keeps_killed_open() -> None:
    made = [
        *rows(a=times(1e-3)),
        measured(backend="refused", status="skipped", reason="no device"),
        measured(backend="failed", status="failed", reason="boom"),
        measured(backend="killed", status="failed", reason="ended by SIGKILL"),
    ]
    names = ("a", "refused", "failed", "killed", "late")
    ranking = rank_rows(made, names)
    assert (ranking.open, ranking.unable) == (("killed", "late"), ("refused", "failed"))


def test_ranking_without_any_time_leaves_all_open() -> None:
    ranking = rank_rows([], names="ab")
    assert (ranking.order, ranking.open, ranking.decided) == ((), ("a", "b"), "no")
