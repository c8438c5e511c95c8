"""Blocks of a comparison on a made machine: one benchmark of 1 ms, one of 2 ms."""

from __future__ import annotations

from collections.abc import Iterator

from perceptron.records.block import Benchmark, Block, SideMeasurement, Stage
from tests.made_comparison import block

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
    benchmark: Benchmark, stage: Stage, ratio: float, spread: float, count: int, drift: float | None
) -> Iterator[Block]:
    base = _BASE[benchmark.key]
    for number in range(count):
        # From -2 to 2 of the spread, in an order of its own for each of the two.
        head, control = ((number * step) % 5 - 2 for step in (2, 3))
        copy = None if drift is None else base * drift * (1 + spread * control)
        yield block(
            benchmark.key,
            number,
            base,
            base * ratio * (1 + spread * head),
            stage,
            control=copy and SideMeasurement(status="ok", value=copy),
            elapsed_seconds=10.0,
        )


def counted(benchmark: Benchmark, ratio: float) -> list[Block]:
    """Return counts of instructions: twice the same draws, then two others."""
    base, head = (SideMeasurement(status="ok", instructions=INSTRUCTIONS * of) for of in (1, ratio))
    return [block(benchmark.key, number, base, head, "count") for number in range(4)]


def broken(benchmark: Benchmark, reason: str, *, on_both: bool = False) -> list[Block]:
    """Return a first trial that fails on HEAD, or on both, and does so again."""
    failed = SideMeasurement(status="failed", reason=reason)
    base = failed if on_both else _BASE[benchmark.key]
    return [block(benchmark.key, number, base, failed, "calibration") for number in range(2)]
