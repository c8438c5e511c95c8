"""Blocks of a comparison on a made machine: one benchmark of 1 ms, one of 2 ms."""

from __future__ import annotations

from collections.abc import Iterator

from perceptron.records.block import Benchmark, Block, Reading, Stage

SUM = Benchmark(name="sums.time_sum", file="benchmarks/sums.py", line=12)
SORT = Benchmark(name="sums.time_sort", file="benchmarks/sums.py", line=20)
_BASE = {SUM.key: 1e-3, SORT.key: 2e-3}
INSTRUCTIONS = 40_000_000


def timed(
    benchmark: Benchmark,
    ratio: float,
    spread: float = 0.004,
    screen: int = 10,
    fresh: int = 0,
    drift: float = 1.0,
) -> list[Block]:
    """Return blocks in which HEAD takes ``ratio`` of the time of BASE, give or take ``spread``.

    In ``fresh`` ones a second copy of BASE takes ``drift`` of it.
    """
    return [
        *_blocks(benchmark, "screen", ratio, spread, screen, None),
        *_blocks(benchmark, "confirmation", ratio, spread, fresh, drift),
    ]


def _blocks(
    benchmark: Benchmark,
    stage: Stage,
    ratio: float,
    spread: float,
    count: int,
    drift: float | None,
) -> Iterator[Block]:
    for number in range(count):
        # From -2 to 2 of the spread, in an order of its own for each of the two.
        head, control = ((number * step) % 5 - 2 for step in (2, 3))
        base = _BASE[benchmark.key]
        yield Block(
            stage=stage,
            number=number,
            benchmark=benchmark.key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=_ok(base),
            head=_ok(base * ratio * (1 + spread * head)),
            control=None if drift is None else _ok(base * drift * (1 + spread * control)),
            elapsed_seconds=10.0,
        )


def counted(benchmark: Benchmark, ratio: float) -> list[Block]:
    """Return counts of instructions: twice the same draws, then two others."""
    return [
        Block(
            stage="count",
            number=number,
            benchmark=benchmark.key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=Reading(status="ok", instructions=INSTRUCTIONS),
            head=Reading(status="ok", instructions=INSTRUCTIONS * ratio),
        )
        for number in (0, 1, 2, 3)
    ]


def broken(benchmark: Benchmark, reason: str, *, on_both: bool = False) -> list[Block]:
    """Return a first trial that fails on HEAD, or on both, and does so again."""
    failed = Reading(status="failed", reason=reason)
    return [
        Block(
            stage="calibration",
            number=number,
            benchmark=benchmark.key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=failed if on_both else _ok(_BASE[benchmark.key]),
            head=failed,
        )
        for number in range(2)
    ]


def _ok(value: float) -> Reading:
    return Reading(status="ok", value=value)
