"""The schedule is fair to every side, the same for a seed, and keeps to the budget."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.gate.checkout.worktrees import FOLDERS
from perceptron.gate.sampling.schedule import Costs, fitting, groups, seeds, turn
from perceptron.records.block import Benchmark, Side

TWO: tuple[Side, ...] = ("base", "head")
THREE: tuple[Side, ...] = ("base", "head", "control")


@pytest.mark.parametrize("sides", [TWO, THREE])
@given(seed=st.integers(0, 2**32))
def test_schedule_balances_orders_and_folders(sides: tuple[Side, ...], seed: int) -> None:
    blocks = [turn(sides, seed, "screen", number) for number in range(12)]
    orders = Counter(block.order for block in blocks)
    places = Counter(tuple(sorted(block.folders.items())) for block in blocks)
    assert set(orders.values()) == set(places.values()) == {12 // len(orders)}
    assert all(set(block.folders.values()) == set(FOLDERS[: len(sides)]) for block in blocks)


def test_order_and_placing_are_not_tied_to_each_other() -> None:
    """Over many blocks, base is first in either folder equally often, and nothing is a rhythm."""
    blocks = [turn(TWO, 7, "screen", number) for number in range(400)]
    both = Counter((block.order[0], block.folders["base"]) for block in blocks)
    assert all(70 <= count <= 130 for count in both.values())
    first = [block.order[0] for block in blocks]
    assert first[::2] != first[2::2] + first[:1]


def test_schedule_follows_from_seed() -> None:
    """Equal seeds repeat it block by block, so that a resumed run has the same one."""
    one = [turn(THREE, 5, "confirmation", number) for number in (3, 0, 9)]
    assert one == [turn(THREE, 5, "confirmation", number) for number in (3, 0, 9)]
    one, again, other = (seeds(5, "screen", number) for number in (1, 1, 2))
    assert one == again
    assert one.hash != other.hash
    assert one.draw != other.draw
    assert one.draw != one.hash


def suite(count: int) -> list[Benchmark]:
    return [Benchmark(name=f"time_{number}") for number in range(count)]


@given(st.lists(st.floats(0.1, 4), min_size=1, max_size=12), st.integers(0, 99))
def test_groups_hold_everything_once_and_no_process_is_too_long(
    seconds: list[float], seed: int
) -> None:
    benchmarks = suite(len(seconds))
    costs = Costs(0.5, {benchmark.key: s for benchmark, s in zip(benchmarks, seconds, strict=True)})
    processes = groups(benchmarks, costs, seed, "screen", 0)
    assert Counter(benchmark.key for group in processes for benchmark in group) == Counter(
        costs.benchmarks.keys()
    )
    for group in processes:
        assert (
            len(group) == 1
            or sum(costs.benchmarks[benchmark.key] for benchmark in group) <= costs.room
        )


def test_memory_has_a_process_of_its_own() -> None:
    benchmarks = suite(4)
    costs = Costs(0.1, dict.fromkeys((b.key for b in benchmarks), 0.1), frozenset({"time_2"}))
    processes = [
        [benchmark.key for benchmark in group]
        for group in groups(benchmarks, costs, 1, "screen", 0)
    ]
    assert ["time_2"] in processes
    assert len(processes) == 2


@given(
    st.lists(st.floats(0.05, 20), min_size=1, max_size=9),
    st.floats(1, 500),
    st.sampled_from([2, 3]),
)
def test_schedule_fits_budget_by_priority(seconds: list[float], budget: float, sides: int) -> None:
    order = [f"time_{number}" for number in range(len(seconds))]
    costs = Costs(0.3, dict(zip(order, seconds, strict=True)))
    kept = fitting(order, costs, budget, 6, sides)
    assert kept == [key for key in order if key in kept]
    assert 6 * sides * costs.process(kept) <= budget
    for place, key in enumerate(order):
        before = [earlier for earlier in order[:place] if earlier in kept]
        assert key in kept or 6 * sides * costs.process([*before, key]) > budget
