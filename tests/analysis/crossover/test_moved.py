from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.crossover.moved import moved_crossovers
from perceptron.records.block import Benchmark, SideMeasurement
from perceptron.records.comparison import Comparison, Control, ControlRow, Row
from tests.made_comparison import block, comparison, row, slower

SIZES = (4, 16, 64, 256, 1024)
Seconds = Callable[[int], float]


def flat(_size: int) -> float:
    return 64e-6


def growing(size: int) -> float:
    return size * 1e-6


def twice(size: int) -> float:
    return 2 * growing(size)


def measured(base: Seconds, head: Seconds, **fields: Any) -> Comparison:
    """Measure numpy as given on both revisions, torch 64 µs at every size."""
    noise = random.Random(1)
    benchmarks, blocks, rows = [], [], []
    for size in SIZES:
        for backend, before, after in (("'numpy'", base, head), ("'torch-cpu'", flat, flat)):
            benchmark = Benchmark(
                name="train.Width.time_train",
                params=[str(size), backend],
                param_names=["size", "backend"],
            )
            benchmark = replace(benchmark, **fields)
            benchmarks.append(benchmark)
            blocks += [
                block(
                    benchmark.key,
                    number,
                    before(size) * noise.gauss(1, 0.01),
                    after(size) * noise.gauss(1, 0.01),
                )
                for number in range(10)
            ]
            make: Callable[..., Row] = slower if after(size) > before(size) else row
            rows.append(make(benchmark=benchmark.name, params=benchmark.params))
    return comparison(*rows, benchmarks=benchmarks, blocks=blocks)


def test_a_crossover_that_moved_has_both_intervals() -> None:
    """The challenger overtakes at half the size, now that the incumbent takes twice as long."""
    (moved,) = moved_crossovers(measured(growing, twice))
    assert (moved.family, moved.incumbent) == ("train.Width.time_train", "numpy")
    assert moved.challenger == "torch-cpu"
    assert (moved.base.status, moved.head.status) == ("crosses", "crosses")
    assert moved.base.size == pytest.approx(64, rel=0.07)
    assert moved.head.size == pytest.approx(32, rel=0.07)
    assert moved.head.high < moved.base.low


def test_a_crossover_that_is_gone_has_moved() -> None:
    """Where it is sure that nobody overtakes anybody any more."""
    (moved,) = moved_crossovers(measured(growing, lambda size: 100e-6 + growing(size)))
    assert (moved.base.status, moved.head.status) == ("crosses", "always")
    assert moved.head.size is moved.head.low is moved.head.high is None


def test_nothing_moved_where_it_is_not_sure() -> None:
    """Equal code; a change that is too small or not confirmed; a base that differs from itself."""
    assert moved_crossovers(measured(growing, growing)) == []
    assert moved_crossovers(measured(growing, lambda size: 1.002 * growing(size))) == []
    compared = measured(growing, twice)
    unsure = [replace(row, verdict="inconclusive") for row in compared.rows]
    assert moved_crossovers(replace(compared, rows=unsure)) == []
    alarm = ControlRow(benchmark="x", change=0.1, low=0.05, high=0.2, p_adjusted=0.0, alarm=True)
    unsteady = Control(alarmed=True, rows=[alarm])
    assert moved_crossovers(replace(compared, control=unsteady)) == []


def test_only_times_by_size_and_backend_have_crossovers() -> None:
    """Not bytes, not other parameters, not sizes that are no numbers."""
    for fields in (
        {"unit": "bytes"},
        {"param_names": ["n", "backend"]},
        {"param_names": ["size", "size"]},
        {"param_names": ["size"]},
        {"params": ["'large'", "'numpy'"]},
    ):
        assert moved_crossovers(measured(growing, twice, **fields)) == []


def test_blocks_of_the_confirmation_count_as_more_processes() -> None:
    """Their numbers start again, and they are other processes than the screen's."""
    compared = measured(growing, twice)
    more = [replace(block, stage="confirmation") for block in compared.blocks]
    (few,), (many,) = (
        moved_crossovers(compared),
        moved_crossovers(replace(compared, blocks=[*compared.blocks, *more])),
    )
    assert many.base.high - many.base.low < few.base.high - few.base.low


strange = st.sampled_from([None, 0.0, -1.0, 5e-324, 1e-12, 1e-6, 3e-6, 1e9, 1e308])
sizes = st.sampled_from(["1", "2", "64", "1e308", "1e-300", "'a'", "None", "[" * 50, "9" * 400])
cases = st.tuples(sizes, st.sampled_from(["'a'", "'b'", "3"]))


@settings(max_examples=200, deadline=None)
@given(
    params=st.lists(cases, max_size=6).map(lambda some: [*some, ("8", "'a'"), ("8", "'b'"), *some]),
    values=st.lists(st.tuples(strange, strange), min_size=4, max_size=40),
)
def test_untrusted_blocks_are_judged_or_passed_over(
    params: list[tuple[str, str]], values: list[tuple[float | None, float | None]]
) -> None:
    """Whatever stands in them, no error."""
    benchmarks = [
        Benchmark(name="t", params=list(case), param_names=["size", "backend"]) for case in params
    ]
    blocks = [
        replace(
            block(benchmark.key, number % 4, 1.0, 1.0, "screen" if number < 4 else "confirmation"),
            base=SideMeasurement(status="ok", value=base),
            head=SideMeasurement(status="ok", value=head),
        )
        for index, benchmark in enumerate(benchmarks)
        for number, (base, head) in enumerate(values[index % 3 :: 3])
    ]
    rows = [slower(benchmark="t", params=list(case)) for case in params]
    moved_crossovers(comparison(*rows, benchmarks=benchmarks, blocks=blocks))
