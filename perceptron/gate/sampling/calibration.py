"""What the first processes of both arms tell: what runs at all, how often to call it, its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perceptron.gate.runner.timing import samples_for
from perceptron.gate.sampling.sampler import ALONE, SamplingEffort
from perceptron.gate.sampling.schedule import Costs
from perceptron.gate.verdict.outcome import state
from perceptron.records.block import Benchmark, Block, Reading

# What a process spends on a benchmark beside its calls, at least.
_LEAST_SECONDS = 0.01


@dataclass(frozen=True)
class Calibration:
    """Benchmarks that gave a number on both arms, and how each is measured."""

    effort: SamplingEffort
    costs: Costs


def calibration(
    benchmarks: Sequence[Benchmark], blocks: Sequence[Block], start_seconds: float
) -> Calibration:
    """Equal effort for both arms: the larger need.

    ``start_seconds`` is what a process takes beside its benchmarks.
    """
    calls: dict[str, int] = {}
    batches: dict[str, int] = {}
    costs: dict[str, float] = {}
    for benchmark in benchmarks:
        own = [block for block in blocks if block.benchmark == benchmark.key]
        pairs = [each for each in own if each.base.status == each.head.status == "ok"]
        if not pairs or state(own).kind != "measured":
            continue
        key, last = benchmark.key, pairs[-1]
        slower = max(_call_seconds(last.base), _call_seconds(last.head))
        calls[key] = max(last.base.calls, last.head.calls)
        if benchmark.type == "time":
            batches[key] = samples_for(slower)
            setup = max(last.base.setup_seconds, last.head.setup_seconds)
            costs[key] = setup + (1 + batches[key]) * calls[key] * slower + _LEAST_SECONDS
        else:
            costs[key] = max(last.base.wall_seconds, last.head.wall_seconds) + _LEAST_SECONDS
    alone = frozenset(each.key for each in benchmarks if each.type in ALONE)
    return Calibration(SamplingEffort(calls, batches), Costs(start_seconds, costs, alone))


def _call_seconds(taken: Reading) -> float:
    return taken.call_seconds or 0.0
