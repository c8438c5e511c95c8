from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.words import notes
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


def reason(rows: list[Measurement]) -> str:
    (crossover,) = crossovers(rows)
    return str(crossover.reason)


def test_too_few_repeats_are_named() -> None:
    assert reason(near((2, 4, 8), 4)).startswith("4 repeats cannot separate numpy and torch-cpu")


def test_a_budget_of_ours_adds_no_repeats_to_what_others_measured() -> None:
    foreign = [replace(row, source="asv", file="results.json") for row in near((2, 4, 8), 4)]
    assert "--budget" not in reason(foreign)


def told(*at_sizes: tuple[float, float]) -> str:
    """The first note on a pair whose log-ratios at 1, 2, 4 … have these means and spreads."""
    rows = [
        made
        for power, (mean, spread) in enumerate(at_sizes)
        for made in at(2.0**power, list(mean + spread * SPREAD))
    ]
    return notes(only(rows))[0]


def test_the_closest_size_is_the_one_where_the_loser_is_ahead() -> None:
    """An estimate on the other side is told as such, though one on this side is nearer to 1."""
    loud = (-0.5, 1.5)
    never = told(loud, (0.03, 0.01), (0.6, 0.02), (0.9, 0.02))
    assert never.startswith("leaning: ")
    assert "0.61× as long" in never
    always = told((-0.9, 0.02), (-0.6, 0.02), (-0.03, 0.01), (0.5, 1.5))
    assert always.startswith("leaning: ")
    assert "0.61× as long" in always
    assert "narrowing" not in always
    several = told((-0.2, 1.5), loud, *((0.6 + 0.1 * k, 0.02) for k in range(5)))
    assert several.endswith("and 1 more size")


def test_a_tie_on_the_other_side_is_the_closest_size() -> None:
    """Within ±5% neither is ahead; nor where two times are equal as they are shown."""
    tied = told((-0.006, 0.02), (0.3, 0.02), (0.6, 0.02))
    assert tied.startswith("closest: ")
    assert "0.99× as long" in tied
    equal = told((-0.001, 1.5), (0.3, 0.02), (0.6, 0.02))
    assert equal.startswith("closest: ")
    assert "1.00× as long" in equal
