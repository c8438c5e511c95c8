from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.judge import crossovers
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import SPREAD, at, only
from tests.made import measured


def near(sizes: tuple[int, ...], processes: int) -> list[Measurement]:
    """Ratios of 1.1, half of them far from that: no winner is sure."""
    return [
        measured(
            family="mlp-width",
            problem=f"mlp-width:{size}",
            size=size,
            backend=backend,
            repeat=process,
            seconds=1e-4 * (1.1 if backend == "torch-cpu" else 0.7 + 0.6 * (process % 2)),
            samples=[1e-4] * 3,
            contended=0,
        )
        for size in sizes
        for process in range(processes)
        for backend in ("numpy", "torch-cpu")
    ]


def sure(sizes: tuple[int, ...]) -> list[Measurement]:
    return [
        replace(row, seconds=1e-4 if row.backend == "numpy" else (4 + 0.01 * row.repeat) * 1e-4)
        for row in near(sizes, 8)
    ]


def reason(rows: list[Measurement]) -> str:
    (crossover,) = crossovers(rows)
    return str(crossover.reason)


def test_a_doubt_says_how_many_processes_stand_behind_it() -> None:
    rows = [*sure((2, 4)), *near((8,), 12)]
    assert reason(rows).endswith("not sure at 8 nor between 4 and 8: 8 to 12 processes")


@pytest.mark.parametrize(("dropped", "words"), [(2, ", contended 40 %"), (0, ""), (None, "")])
def test_a_doubt_says_how_contended_its_samples_were(dropped: int | None, words: str) -> None:
    """Of those that were kept and those that were not; where nobody can tell, nothing."""
    rows = [*sure((2, 4)), *near((8,), 8)]
    waited = None if dropped is None else 0.0
    rows = [replace(row, contended=dropped, waited=waited) for row in rows]
    assert reason(rows).endswith(f"8 processes{words}")


def test_too_few_processes_may_have_been_contended_too() -> None:
    rows = [replace(row, contended=3, waited=0.0) for row in near((2, 4, 8), 4)]
    assert reason(rows) == (
        "4 fresh processes are too few to be sure of a winner at any size, contended 50 %"
    )


def test_of_other_people_s_rows_nobody_knows_the_processes() -> None:
    rows = [*sure((2, 4)), *near((8,), 8)]
    foreign = [replace(row, source="asv", file="results.json") for row in rows]
    assert "processes" not in reason(foreign)


def means(*at_sizes: tuple[float, float]) -> str:
    """The reason for a pair whose log-ratios at 1, 2, 4 … have these means and spreads."""
    rows = [
        made
        for power, (mean, spread) in enumerate(at_sizes)
        for made in at(2.0**power, list(mean + spread * SPREAD))
    ]
    return str(only(rows).reason)


def test_the_closest_size_is_the_one_where_the_loser_is_ahead() -> None:
    """An estimate on the other side is told as such, though one on this side is nearer to 1."""
    loud = (-0.5, 1.5)
    never = means(loud, (0.03, 0.01), (0.6, 0.02), (0.9, 0.02))
    assert never.startswith("the other way at 1, not sure: 0.61 [")
    always = means((-0.9, 0.02), (-0.6, 0.02), (-0.03, 0.01), (0.5, 1.5))
    assert always.startswith("the other way at 8, not sure: 1.65 [")
    assert "still closing" not in always
    sure = [(0.6 + 0.1 * k, 0.02) for k in range(5)]
    several = means((-0.2, 1.5), loud, *sure)
    assert several.startswith("the other way at 2 sizes, not sure, most at 2: 0.61 [")


def test_a_tie_on_the_other_side_is_the_closest_size() -> None:
    """Within ±5 % nobody is ahead; nor where two times are equal as they are shown."""
    tied = means((-0.006, 0.02), (0.3, 0.02), (0.6, 0.02))
    assert tied.startswith("closest at 1: 0.99 [")
    equal = means((-0.001, 1.5), (0.3, 0.02), (0.6, 0.02))
    assert equal.startswith("closest at 1: 1.00 [")
