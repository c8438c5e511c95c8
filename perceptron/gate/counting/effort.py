"""How often each benchmark is called while it is counted, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from perceptron.gate.sampling.sampler import SamplingEffort
from perceptron.records.block import Benchmark, Block, Reading

# What valgrind makes of a second, by what was seen of NumPy, torch and bytecode: while it counts,
# and while it does not.
_COUNTED, _UNCOUNTED = 25.0, 6.0
# To translate the code of a benchmark for each count, and to write what was counted.
_TRANSLATION_SECONDS = 0.2
# Seconds of calls that are counted at once, on the processor alone: a count is nearly exact, so few
# do. Longer ones even out by themselves what their place in memory does to them.
_CALLS_SECONDS = 0.001
_COUNTS = ((0.005, 5), (0.02, 3))
# Interpreters and caches are warm after as many calls.
_WARM_UP_CALLS, _WARM_UP_SECONDS = 20, 0.02
# Under valgrind, for one benchmark: others are to be counted too.
_LONGEST_SECONDS = 30.0
# What takes so many times as long as was foreseen will not end.
_PATIENCE = 5.0
_LEAST_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class CountingEffort:
    """For each benchmark that can be counted; ``reasons`` says of the others why not."""

    sampling: SamplingEffort
    seconds: dict[str, float]
    """Foreseen in each arm, under valgrind."""
    reasons: dict[str, str]

    def limit(self, key: str) -> float:
        """Return the seconds after which it counts as hanging."""
        return max(_LEAST_PATIENCE_SECONDS, _PATIENCE * self.seconds[key])


def plan(benchmarks: Sequence[Benchmark], blocks: Sequence[Block]) -> CountingEffort:
    """Return the effort for benchmarks that gave a number on both arms while ``blocks`` calibrated.

    What is no time is not counted and has no reason: nobody would expect it.
    """
    calls: dict[str, int] = {}
    counts: dict[str, int] = {}
    warm_up: dict[str, int] = {}
    seconds: dict[str, float] = {}
    reasons: dict[str, str] = {}
    readings = {block.benchmark: (block.base, block.head) for block in blocks}
    for benchmark in benchmarks:
        key = benchmark.key
        pair = readings.get(key)
        if benchmark.type != "time" or pair is None:
            continue
        call = max(map(_call_seconds, pair))
        setup = max(reading.setup_seconds for reading in pair)
        calls[key] = max(1, ceil(_CALLS_SECONDS / call))
        warm_up[key] = max(1, min(_WARM_UP_CALLS, ceil(_WARM_UP_SECONDS / call)))
        counts[key] = next((many for longest, many in _COUNTS if call <= longest), 1)
        uncounted = (warm_up[key] + counts[key] - 1) * call + (1 + counts[key]) * setup
        counted = _TRANSLATION_SECONDS + _COUNTED * calls[key] * call
        foreseen = counts[key] * counted + _UNCOUNTED * uncounted
        if foreseen > _LONGEST_SECONDS:
            reasons[key] = f"it would take about {foreseen:.0f} s under valgrind"
        else:
            seconds[key] = foreseen
    return CountingEffort(SamplingEffort(calls, counts, warm_up), seconds, reasons)


def _call_seconds(reading: Reading) -> float:
    return max(reading.call_seconds or 0.0, 1e-9)
