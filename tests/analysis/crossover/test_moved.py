from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.crossover.moved import moved
from perceptron.records.block import Benchmark, Reading
from perceptron.records.comparison import Comparison, Control, ControlRow, Row
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables.comparison import notes
from perceptron.report.tables.crossover_words import sentence
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
    """numpy as said on both revisions, torch equally long at all sizes: they cross at 64 µs."""
    noise = random.Random(1)
    benchmarks, blocks, rows = [], [], []
    for size in SIZES:
        for backend, one, two in (("'numpy'", base, head), ("'torch-cpu'", flat, flat)):
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
                    one(size) * noise.gauss(1, 0.01),
                    two(size) * noise.gauss(1, 0.01),
                )
                for number in range(10)
            ]
            make: Callable[..., Row] = slower if two(size) > one(size) else row
            rows.append(make(benchmark=benchmark.name, params=benchmark.params))
    return comparison(*rows, benchmarks=benchmarks, blocks=blocks)


def test_a_crossover_that_moved_is_told_with_both_intervals() -> None:
    """The challenger overtakes at half the size, now that the incumbent takes twice as long."""
    found = measured(growing, twice)
    (one,) = moved(found)
    assert (one.family, one.base.challenger) == ("train.Width.time_train", "torch-cpu")
    assert one.base.size is not None
    assert one.head.size is not None
    assert 60 < one.base.size < 68
    assert 30 < one.head.size < 34
    before, after = sentence(one.base), sentence(one.head)
    assert before.startswith("torch-cpu from 6")
    assert after.startswith("torch-cpu from 3")
    told = f"train.Width.time_train: BASE {before}, HEAD {after}"
    assert f"crossover moved: {told}" in notes(found)
    assert f"BASE `{before}`, HEAD `{after}`" in comment(found)


def test_a_crossover_that_is_gone_has_moved() -> None:
    """Where it is sure that nobody overtakes anybody any more."""
    (one,) = moved(measured(growing, lambda size: 100e-6 + growing(size)))
    assert (one.base.status, one.head.status) == ("crosses", "always")
    assert sentence(one.head) == "torch-cpu at every size"


def test_nothing_moved_where_it_is_not_sure() -> None:
    """Equal code; a change too small to tell; a change that was not confirmed."""
    assert moved(measured(growing, growing)) == []
    assert moved(measured(growing, lambda size: 1.002 * growing(size))) == []
    found = measured(growing, twice)
    unsure = [replace(each, verdict="inconclusive") for each in found.rows]
    assert moved(replace(found, rows=unsure)) == []


def test_nothing_moved_on_a_machine_that_differs_from_itself() -> None:
    alarm = ControlRow(benchmark="x", change=0.1, low=0.05, high=0.2, p_adjusted=0.0, alarm=True)
    unsteady = Control(alarmed=True, rows=[alarm])
    assert moved(replace(measured(growing, twice), control=unsteady)) == []


def test_the_family_is_named_as_its_author_names_it() -> None:
    (one,) = moved(measured(growing, twice, pretty_name="mlp-width"))
    assert one.family == "mlp-width"


def test_a_hostile_name_of_a_family_stands_in_code() -> None:
    found = measured(growing, twice, pretty_name="@a `|` <b>")
    assert "- `@a ˋ∣ˋ <b>`: BASE `torch-cpu from" in comment(found)


def test_only_times_by_size_and_backend_have_crossovers() -> None:
    """Not bytes, not other parameters, not sizes that are no numbers."""
    for fields in (
        {"unit": "bytes"},
        {"param_names": ["n", "backend"]},
        {"param_names": ["size", "size"]},
        {"param_names": ["size"]},
        {"params": ["'large'", "'numpy'"]},
    ):
        assert moved(measured(growing, twice, **fields)) == []


def test_blocks_of_the_confirmation_count_as_more_processes() -> None:
    """Their numbers start anew, and are other processes than the screen's."""
    found = measured(growing, twice)
    more = [replace(each, stage="confirmation") for each in found.blocks]
    (few,), (many,) = moved(found), moved(replace(found, blocks=[*found.blocks, *more]))
    assert few.base.low is not None
    assert few.base.high is not None
    assert many.base.low is not None
    assert many.base.high is not None
    assert many.base.high - many.base.low < few.base.high - few.base.low


strange = st.sampled_from([None, 0.0, -1.0, 5e-324, 1e-12, 1e-6, 3e-6, 1e9, 1e308])
sizes = st.sampled_from(["1", "2", "64", "1e308", "1e-300", "'a'", "None", "[" * 50, "9" * 400])
cases = st.tuples(sizes, st.sampled_from(["'a'", "'b'", "3"]))


@settings(max_examples=200, deadline=None)
@given(
    params=st.lists(cases, max_size=6).map(lambda some: [*some, ("8", "'a'"), ("8", "'b'"), *some]),
    values=st.lists(st.tuples(strange, strange), min_size=4, max_size=40),
)
def test_a_strangers_blocks_are_judged_or_passed_over(
    params: list[tuple[str, str]], values: list[tuple[float | None, float | None]]
) -> None:
    """Whatever stands in them, no error."""
    benchmarks = [
        Benchmark(name="t", params=list(each), param_names=["size", "backend"]) for each in params
    ]
    blocks = [
        replace(
            block(benchmark.key, number % 4, 1.0, 1.0, "screen" if number < 4 else "confirmation"),
            base=Reading(status="ok", value=one),
            head=Reading(status="ok", value=two),
        )
        for place, benchmark in enumerate(benchmarks)
        for number, (one, two) in enumerate(values[place % 3 :: 3])
    ]
    rows = [slower(benchmark="t", params=list(each)) for each in params]
    moved(comparison(*rows, benchmarks=benchmarks, blocks=blocks))


def test_there_is_an_end_to_pairs() -> None:
    """Hundreds of backends are nobody's question, and would take hours."""
    names = [
        Benchmark(name="t", params=[str(size), f"'b{each}'"], param_names=["size", "backend"])
        for each in range(200)
        for size in (1, 100)
    ]
    blocks = [
        block(each.key, number, 1e-3 * (place % 7 + 1), 1e-3 * (place % 5 + 1))
        for place, each in enumerate(names)
        for number in range(3)
    ]
    rows = [slower(benchmark="t", params=each.params) for each in names]
    found = moved(comparison(*rows, benchmarks=names, blocks=blocks))
    assert len({each.base.challenger for each in found}) <= 100


def test_what_no_suite_has_is_passed_over() -> None:
    """Hundreds of backends on one axis would be tens of thousands of pairs; the logarithms of
    sizes beyond all counts overflow."""
    found = measured(growing, twice)
    assert moved(found)
    crowd = [replace(found.benchmarks[0], params=["4", f"'b{number}'"]) for number in range(100)]
    blocks = [block(each.key, 0, 1e-6, 1e-6) for each in crowd]
    crowded = replace(
        found, benchmarks=[*found.benchmarks, *crowd], blocks=[*found.blocks, *blocks]
    )
    assert moved(crowded) == []

    def larger(each: Benchmark) -> Benchmark:
        return replace(each, params=[f"{each.params[0]}e300", each.params[1]])

    keys = {each.key: larger(each).key for each in found.benchmarks}
    huge = replace(
        found,
        benchmarks=[larger(each) for each in found.benchmarks],
        rows=[
            replace(each, params=[f"{each.params[0]}e300", each.params[1]]) for each in found.rows
        ],
        blocks=[replace(each, benchmark=keys[each.benchmark]) for each in found.blocks],
    )
    assert moved(huge) == []
