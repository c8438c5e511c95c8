from __future__ import annotations

from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.crossover.judge import Crossover, crossovers, ratio_near
from perceptron.questions.crossover.verdict import notes, sentence
from perceptron.records.grouping import grouped
from perceptron.records.measurement import EXTRAS, Measurement
from perceptron.statistics.interval import CONFIDENCE, standing
from perceptron.statistics.ranking import rank_rows
from tests.made import Cost, linear, measured, world
from tests.questions.crossover.conftest import SPREAD, A, B, at, only, row


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [
        (linear(10, 0.01), linear(1, 0.1), "reverses"),
        (linear(1, 0.1), linear(2, 0.2), "never"),
        (linear(2, 0.2), linear(1, 0.1), "always"),
        (linear(1, 0.1), linear(1.02, 0.101), "tie"),
        (
            linear(1, 0.1),
            lambda size: (1 + 0.1 * size) * (0.5 if 50 < size < 5000 else 2),
            "multiple",
        ),
    ],
)
def test_crossover_status_follows_contract(ours: Cost, theirs: Cost, status: str) -> None:
    crossover = only(world(row, {"numpy": ours, "torch-cpu": theirs}))
    assert crossover.status == status
    directions = {"reverses": ["incumbent"], "multiple": ["challenger", "incumbent"]}
    assert [turn.direction for turn in crossover.crossings] == directions.get(status, [])
    assert (crossover.size is None) == (status != "reverses")


def test_crossover_of_noisy_close_times_is_undecided() -> None:
    """Three repeats each, whose estimates are close by chance."""
    times = {"numpy": (1.0, 2.5, 0.4), "torch-cpu": (1.1, 0.5, 1.9)}
    crossover = only(
        row(backend=name, size=size, repeat=repeat, seconds=1e-3 * seconds)
        for name, repeats in times.items()
        for size in (2, 8, 32)
        for repeat, seconds in enumerate(repeats)
    )
    assert (crossover.status, crossover.decided) == ("undecided", "no")
    assert sentence(crossover).startswith("undecided at every ")
    assert notes(crossover)[0].startswith("why: too noisy: torch-cpu takes ")


@pytest.mark.parametrize("fields", [{}, {"file": "values.csv"}])
@pytest.mark.parametrize("processes", [1, 8])
def test_crossover_is_undecided_from_one_size(processes: int, fields: dict[str, object]) -> None:
    """Whoever measured it, and though one is 800 times as slow; the reason says by how much."""
    costs = {"numpy": linear(1, 0), "torch-cpu": linear(810, 0)}
    rows = world(row, costs, [64], processes, noise=0.01, **fields)
    rows += world(row, {"numpy": linear(1, 0)}, [256], processes, **fields)
    crossover = only(rows)
    assert (crossover.status, crossover.decided, crossover.decided_ranges) == (
        "undecided",
        "no",
        [],
    )
    assert "torch-cpu takes 8" in str(crossover.reason)


def test_crossover_interval_covers_call_convention_of_short_calls() -> None:
    """Called as f(*data) one is 7% slower and the other 1%: the crossover moves by that."""
    costs = {"numpy": linear(0, 0.1), "torch-cpu": linear(2, 0)}
    rows = world(row, costs, [8, 16, 19, 21, 24, 48], noise=0.001)
    slower = {"numpy": 1.07, "torch-cpu": 1.01}
    narrow = only(rows)
    assert narrow.low is not None
    assert narrow.low > 19.5
    short = [
        replace(row, unpacked_seconds=(row.seconds or 0) * slower[row.backend]) for row in rows
    ]
    wide = only(short)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < 19.0
    assert wide.high > 21.0
    assert wide.high / wide.low < 1.2


def test_hardly_a_size_decided_is_no_never() -> None:
    """Clear at two sizes of five, and anybody's guess at the others; two more make it one."""

    def judged(clear: int) -> Crossover:
        rows = [measurement for k in range(clear) for measurement in at(4.0**k, 2 + 0.01 * SPREAD)]
        return only(
            [*rows, *(measurement for k in (7, 8, 9) for measurement in at(4.0**k, SPREAD))]
        )

    few, most = judged(2), judged(4)
    assert (few.status, few.decided_ranges) == ("undecided", [(1, 4)])
    assert few.undecided_ranges
    assert (most.status, most.decided, most.decided_ranges) == ("never", "partly", [(1, 64)])
    assert most.undecided_ranges


def test_crossover_tie_needs_informative_sizes() -> None:
    """Equal times of one process are no tie; behind a table's values there may be several."""
    same = {"numpy": linear(1, 0.1), "torch-cpu": linear(1, 0.1)}
    own = only(world(row, same, processes=1, noise=0.0))
    assert own.status == "undecided"
    other = only(world(row, same, processes=1, noise=0.0, file="values.csv", source="csv"))
    assert (other.status, other.decided) == ("tie", "no")
    assert other.reason


def test_crossover_at_exactly_zero_is_that_size() -> None:
    """Rounded values in files hit 1 exactly; the outer sizes must not move the crossing."""
    ratio = {1: 2.0, 10: 1.0, 100: 0.99}
    costs: dict[str, Cost] = {"numpy": lambda size: 1.0, "torch-cpu": lambda size: ratio[int(size)]}
    crossover = only(
        world(row, costs, list(ratio), processes=1, noise=0.0, file="values.csv", source="csv")
    )
    assert crossover.size == pytest.approx(10)
    assert crossover.bracket == (1, 10)


@given(
    crossing=st.floats(20, 5000),
    steep=st.floats(0.3, 2.0),
    factor=st.floats(1e-9, 1e3),
)
@settings(max_examples=50, deadline=None)
def test_crossover_without_noise_is_exact(crossing: float, steep: float, factor: float) -> None:
    """Power laws are straight lines in log-log: the zero is at the truth, whatever the unit."""
    costs = {
        "a": lambda size: factor * size**steep,
        "b": lambda size: factor * crossing**steep,
    }
    crossover = only(world(measured, costs, noise=0.0))
    assert crossover.status == "crosses"
    assert crossover.size == pytest.approx(crossing, rel=1e-6)
    assert crossover.bracket[0] <= crossing <= crossover.bracket[1]


def test_crossover_is_independent_of_row_order() -> None:
    rows = world(row, {"numpy": linear(1, 0.1), "torch-cpu": linear(10, 0.01)})
    shuffled = list(np.random.default_rng(0).permutation(np.arange(len(rows))))
    pair = [("numpy", "torch-cpu")]
    assert crossovers(rows, pair) == crossovers([rows[index] for index in shuffled], pair)


def test_families_along_two_axes_have_no_crossover() -> None:
    """16 × 4 and 4 × 16 have one size and are two problems."""
    rows = [
        row(backend=backend, size=64 * scale, problem=f"map:{shape}{scale}", seconds=1.0)
        for backend in ("numpy", "torch-cpu")
        for shape in ("16x4", "4x16")
        for scale in (1, 2)
    ]
    assert crossovers(rows) == []


def test_crossover_excludes_extras_that_are_no_training() -> None:
    """Of kernels sizes are counts; other tools may call a benchmark so."""
    costs = {"numpy": linear(1, 0.1), "torch-cpu": linear(10, 0.01)}
    rows = [made for name in sorted(EXTRAS) for made in world(row, costs, family=name)]
    assert crossovers(rows) == []
    theirs = [replace(made, source="csv", file="kernels.csv") for made in rows]
    assert len(crossovers(theirs)) == len(EXTRAS)


def test_crossover_outlier_size_is_reported_and_ignored() -> None:
    """At 1,024 alone the challenger is slower: it leads on both sides."""
    costs: dict[str, Cost] = {
        "numpy": linear(1, 0.1),
        "torch-cpu": lambda size: (10 + 0.05 * size) * (2.5 if size == 1024 else 1),
    }
    sizes = [*(1.25**k for k in range(30)), 1004, 1024, 1044, *(1.25**k for k in range(32, 38))]
    crossover = only(world(row, costs, sizes, processes=8))
    assert (crossover.status, crossover.decided) == ("crosses", "yes")
    assert crossover.size == pytest.approx(180, rel=0.05)
    assert "1,024" in (crossover.reason or "")
    assert next(ratio for ratio in crossover.ratio_at if ratio.size == 1024).standing == "slower"
    assert (1024, 1024) in crossover.decided_ranges


def test_decided_says_that_no_other_winner_is_left() -> None:
    """Closely measured it is sure and lists no stretch; coarsely it lists where, and says so."""
    costs = {"numpy": linear(1, 0.1), "torch-cpu": linear(10, 0.01)}
    fine = only(world(row, costs, [1.25**k for k in range(38)], processes=8))
    assert (fine.decided, fine.undecided_ranges) == ("yes", [])
    near = {"numpy": linear(1, 0.1), "torch-cpu": linear(1.08, 0.108)}
    coarse = only(world(row, near, [4, 4096], processes=8))
    assert (coarse.status, coarse.decided) == ("never", "partly")
    assert coarse.undecided_ranges == [(4, 4096)]
    loud = only(world(row, costs, [1.5**k for k in range(21)], processes=3, noise=0.5))
    assert loud.decided != "yes"
    assert loud.undecided_ranges
    assert all(low <= high for low, high in loud.undecided_ranges)


@pytest.mark.parametrize(
    ("mean", "spread", "status", "decided"),
    [(0.02, 0.02, "tie", "yes"), (0.045, 0.01, "never", "yes"), (0.03, 0.05, "tie", "no")],
)
def test_crossover_lead_within_tie_is_no_win(
    mean: float, spread: float, status: str, decided: str
) -> None:
    """Ahead for sure by 2%, it ties; by 4 to 6% it wins; by 3%, or the other one by 1%, neither."""
    rows = [measurement for k in range(4) for measurement in at(1.05**k, mean + spread * SPREAD)]
    crossover = only(rows)
    assert (crossover.status, crossover.decided) == (status, decided)
    assert bool(crossover.decided_ranges) == (decided == "yes")
    assert all(answer.decided == decided for answer in map(rank_rows, by_size(rows)))


def test_crossover_zero_beside_tie_is_no_change_of_winner() -> None:
    """One is ahead by 2% for sure, which does not matter, and then the other one by half."""
    ahead = [measurement for k in range(3) for measurement in at(4.0**k, -0.02 + 0.003 * SPREAD)]
    crossover = only(
        [*ahead, *(measurement for k in (3, 4) for measurement in at(4.0**k, 0.5 + 0.01 * SPREAD))]
    )
    assert (crossover.status, crossover.crossings) == ("never", [])
    assert sentence(crossover).startswith(f"{A} is faster from size 64; a tie below")


def test_between_two_sizes_a_ratio_is_all_that_both_say() -> None:
    rows = [
        measurement
        for size, mean in {1: 0.3, 4: 0.5}.items()
        for measurement in at(size, [mean] * 8)
    ]
    crossover = only(rows)
    between = ratio_near(crossover, rows, 2, CONFIDENCE)
    assert between is not None
    assert (between.low, between.high) == pytest.approx((exp(0.3), exp(0.5)))
    assert between.estimate == pytest.approx(exp(0.4))
    assert ratio_near(crossover, rows, 5, CONFIDENCE) is None
    apart = replace(crossover, decided_ranges=[(1, 1), (4, 4)])
    unknown = ratio_near(apart, rows, 2, CONFIDENCE)
    assert standing(unknown) == "open"


def by_size(rows: list[Measurement]) -> list[list[Measurement]]:
    return list(grouped(rows, lambda row: row.size).values())


def test_crossover_state_at_size_equals_ranking_of_its_rows() -> None:
    """Faster, a tie, undecided and slower: none hides behind its neighbours."""
    means = {1: (-0.5, 0.01), 2: (0.02, 0.01), 4: (0.3, 0.01), 8: (0.3, 0.6), 16: (0.5, 0.01)}
    rows = [
        measurement
        for size, (mean, off) in means.items()
        for measurement in at(size, mean + off * SPREAD)
    ]
    crossover = only(rows)
    assert crossover.decided_ranges == [(1, 1), (2, 2), (4, 4), (16, 16)]
    for rows_at_size in by_size(rows):
        ranking = rank_rows(rows_at_size)
        known = standing(ratio_near(crossover, rows, rows_at_size[0].size, CONFIDENCE))
        assert (known == "open") == bool(ranking.open)
        assert (known == "tie") == bool(ranking.ties)
        assert ranking.winner == {"slower": A, "faster": B}.get(known)


def first_note(*at_sizes: tuple[float, float]) -> str:
    """The first note on a pair whose log-ratios at 1, 2, 4 … have these means and spreads."""
    rows = [
        made
        for power, (mean, spread) in enumerate(at_sizes)
        for made in at(2.0**power, list(mean + spread * SPREAD))
    ]
    return notes(only(rows))[0]


def test_crossover_closest_size_is_where_loser_leads() -> None:
    """An estimate on the other side is told as such, though one on this side is nearer to 1."""
    loud = (-0.5, 1.5)
    never = first_note(loud, (0.03, 0.01), (0.6, 0.02), (0.9, 0.02))
    assert never.startswith("leaning: ")
    assert "0.61× as long" in never
    always = first_note((-0.9, 0.02), (-0.6, 0.02), (-0.03, 0.01), (0.5, 1.5))
    assert always.startswith("leaning: ")
    assert "0.61× as long" in always
    assert "narrowing" not in always
