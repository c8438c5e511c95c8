"""The trial of every benchmark: does it run, and how long does it take?

From it follow the calls in each sample, and the cost of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from perceptron.gate.runner.timing import samples_for
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.sampler import ALONE, Sampler
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration, Costs
from perceptron.gate.verdict.outcome import outcome
from perceptron.records.block import Benchmark, Block, Side, SideMeasurement, by_benchmark

# Least time of a process for a benchmark beside its calls.
_LEAST_SECONDS = 0.01
# Samples in each process for benchmarks of equal instructions.
_PROBE_SAMPLES = 3


def try_both(
    sampler: Sampler,
    benchmarks: Sequence[Benchmark],
    seeds: Seeds,
    elapsed: Callable[[], float],
    end: float,
    longest: float,
    tell: Callable[[str], object],
) -> dict[Side, dict[str, SideMeasurement]]:
    """Try benchmarks once on base and then on head, until ``end``.

    Head skips benchmarks that are too slow on base, or were not tried there. Trials are not
    compared, so the order favours no side. Base has half of the time, and no benchmark takes longer
    than its own time-out and the ``longest`` seconds. ``tell`` is called with each key.
    """

    def tried(side: Side, todo: Sequence[Benchmark], end: float) -> dict[str, SideMeasurement]:
        late = "no time was left to try it: raise --budget"
        measurements: dict[str, SideMeasurement] = {}
        together = [benchmark for benchmark in todo if benchmark.type not in ALONE]
        for group in (together, *([benchmark] for benchmark in todo if benchmark.type in ALONE)):
            if elapsed() >= end:
                break
            for key, measurement in sampler.sample(
                side,
                group,
                CALIBRATING,
                seeds,
                lambda benchmark: min(benchmark.timeout, longest),
                lambda: end - elapsed(),
            ):
                measurements[key] = measurement
                tell(key)
                if elapsed() >= end:
                    break
        untried = SideMeasurement(status="untried", reason=late)
        return {benchmark.key: measurements.get(benchmark.key, untried) for benchmark in todo}

    base = tried("base", benchmarks, (elapsed() + end) / 2)
    spared = {
        key: SideMeasurement(status="untried", reason=f"one call is too long: {measurement.reason}")
        for key, measurement in base.items()
        if measurement.status == "slow"
    }
    left = [
        benchmark
        for benchmark in benchmarks
        if base[benchmark.key].status not in {"slow", "untried"}
    ]
    return {"base": base, "head": base | spared | tried("head", left, end)}


def calibrate(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    start_seconds: float,
    prechecked: Collection[str] = (),
) -> Calibration:
    """Choose equal effort for both sides: what the slower side needs, where both give numbers.

    ``start_seconds`` is the time of a process beside its benchmarks. Benchmarks in ``prechecked``
    are only probed, and take fewer samples.
    """
    own_blocks = by_benchmark(blocks)
    calls: dict[str, int] = {}
    batches: dict[str, int] = {}
    costs: dict[str, float] = {}
    for benchmark in benchmarks:
        tried = own_blocks.get(benchmark.key, [])
        pairs = [block for block in tried if block.base.status == block.head.status == "ok"]
        if not pairs or outcome(tried).kind != "measured":
            continue
        key, last = benchmark.key, pairs[-1]
        slower = max(last.base.call_seconds or 0.0, last.head.call_seconds or 0.0)
        calls[key] = max(last.base.calls, last.head.calls)
        if benchmark.type == "time":
            batches[key] = samples_for(slower)
            if key in prechecked:
                batches[key] = min(batches[key], _PROBE_SAMPLES)
            setup = max(last.base.setup_seconds, last.head.setup_seconds)
            costs[key] = setup + (1 + batches[key]) * calls[key] * slower + _LEAST_SECONDS
        else:
            costs[key] = max(last.base.wall_seconds, last.head.wall_seconds) + _LEAST_SECONDS
    alone = frozenset(benchmark.key for benchmark in benchmarks if benchmark.type in ALONE)
    return Calibration(calls, batches, Costs(start_seconds, costs, alone))
