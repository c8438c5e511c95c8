"""The trial of every benchmark, and what it tells: what runs at all, and how long it takes.

From that follow how often a benchmark is called in each sample, and what a block of it costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import ceil

from perceptron.gate.runner.timing import samples_for
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.sampler import ALONE, Sampler
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration, Costs
from perceptron.gate.verdict.outcome import outcome
from perceptron.records.block import Benchmark, Block, Side, SideMeasurement, by_benchmark

# After so many sets of parameters that are too slow, a function's others are tried last.
_SLOW_PARAMETERS = 2
# What a process spends on a benchmark beside its calls, at least.
_LEAST_SECONDS = 0.01
# Samples in each process of what did the same work.
_PROBE_SAMPLES = 3


@dataclass
class Trial:
    """Tries benchmarks once on base and then on head, until the ``end``.

    No benchmark may take longer than its own time-out, the ``longest`` seconds, and a quarter of
    what is left. What there is no time for is ``untried``, and the ``why`` follows the reason.
    ``tell`` is told what is tried.
    """

    sampler: Sampler
    seeds: Seeds
    elapsed: Callable[[], float]
    end: float
    longest: float
    tell: Callable[[str], object]
    why: str = ""

    def __post_init__(self) -> None:
        # Of each function, how many sets of parameters are too slow.
        self._slow: Counter[str] = Counter()

    def both(self, benchmarks: Sequence[Benchmark]) -> dict[Side, dict[str, SideMeasurement]]:
        """Try base, then head, which is spared what is too slow on base, or was not tried there.

        Nothing is compared yet, so the order favours nobody. Base has half of the time.
        """
        base = self._try("base", benchmarks, (self.elapsed() + self.end) / 2)
        spared = {
            key: SideMeasurement(
                status="untried", reason=f"one call is too long: {measurement.reason}"
            )
            for key, measurement in base.items()
            if measurement.status == "slow"
        }
        tried = [own for own in benchmarks if base[own.key].status not in {"slow", "untried"}]
        return {"base": base, "head": base | spared | self._try("head", tried, self.end)}

    def _try(
        self, side: Side, benchmarks: Sequence[Benchmark], end: float
    ) -> dict[str, SideMeasurement]:
        measurements: dict[str, SideMeasurement] = {}
        todo = sorted(benchmarks, key=lambda own: own.type in ALONE)
        while todo and self.elapsed() < end:
            todo.sort(key=lambda own: self._slow[own.name] >= _SLOW_PARAMETERS)
            together = [own for own in todo if own.type not in ALONE]
            self._try_in_one_process(
                side, todo[:1] if todo[0].type in ALONE else together, end, measurements
            )
            todo = [own for own in todo if own.key not in measurements]
        late = f"no time was left to try it{self.why}: raise --budget"
        return measurements | {
            own.key: SideMeasurement(status="untried", reason=late) for own in todo
        }

    def _try_in_one_process(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        end: float,
        measurements: dict[str, SideMeasurement],
    ) -> None:
        """Try until the end, or until the others of a slow function are to go last."""
        by_key = {benchmark.key: benchmark for benchmark in benchmarks}
        hurried: set[str] = set()

        def limit(benchmark: Benchmark) -> float:
            longest, left = min(benchmark.timeout, self.longest), (end - self.elapsed()) / 4
            if left < longest:
                hurried.add(benchmark.key)
            return min(longest, max(1.0, ceil(left)))

        for key, measurement in self.sampler.sample(
            side, benchmarks, CALIBRATING, self.seeds, limit, lambda: end - self.elapsed()
        ):
            self.tell(key)
            benchmark, slow = by_key[key], measurement.status == "slow"
            if slow and key in hurried:
                reason = f"one call is too long for the time that was left: {measurement.reason}"
                measurement = SideMeasurement(status="untried", reason=reason)
            measurements[key] = measurement
            if not measurement.loaded:  # no other process would load its module sooner
                alike = [own for own in benchmarks if own.file == benchmark.file is not None]
                measurements |= {
                    own.key: measurement for own in alike if own.key not in measurements
                }
                return
            if slow:
                self._slow[benchmark.name] += 1
                if self._slow[benchmark.name] == _SLOW_PARAMETERS:
                    return
            if self.elapsed() >= end:
                return


def calibrate(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    start_seconds: float,
    looked_at: Collection[str] = (),
) -> Calibration:
    """Choose equal effort for both sides: what the slower one needs of those that give numbers.

    ``start_seconds`` is what a process takes beside its benchmarks. What is only ``looked_at``
    takes fewer samples.
    """
    own_blocks = by_benchmark(blocks)
    calls: dict[str, int] = {}
    batches: dict[str, int] = {}
    costs: dict[str, float] = {}
    for benchmark in benchmarks:
        tried = own_blocks.get(benchmark.key, [])
        pairs = [block for block in tried if block.base.status == block.head.status == "ok"]
        if not pairs or outcome(tried)[0] != "measured":
            continue
        key, last = benchmark.key, pairs[-1]
        slower = max(last.base.call_seconds or 0.0, last.head.call_seconds or 0.0)
        calls[key] = max(last.base.calls, last.head.calls)
        if benchmark.type == "time":
            batches[key] = samples_for(slower)
            if key in looked_at:
                batches[key] = min(batches[key], _PROBE_SAMPLES)
            setup = max(last.base.setup_seconds, last.head.setup_seconds)
            costs[key] = setup + (1 + batches[key]) * calls[key] * slower + _LEAST_SECONDS
        else:
            costs[key] = max(last.base.wall_seconds, last.head.wall_seconds) + _LEAST_SECONDS
    alone = frozenset(benchmark.key for benchmark in benchmarks if benchmark.type in ALONE)
    return Calibration(calls, batches, Costs(start_seconds, costs, alone))
