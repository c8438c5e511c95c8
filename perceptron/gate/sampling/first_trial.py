"""The first trial of every benchmark, and what it tells: what runs at all, and how long it takes.

From that follow how often a benchmark is called in each sample, and what a block of it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from perceptron.gate.runner.timing import samples_for
from perceptron.gate.sampling.look import SAMPLES as LOOK_SAMPLES
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.sampler import ALONE, CALIBRATING, Sampler, SamplingEffort
from perceptron.gate.sampling.schedule import Costs
from perceptron.gate.verdict.outcome import outcome
from perceptron.records.block import Arm, Benchmark, Block, Reading

# Shares of the budget within which the first and the second arm must be through; of what is left of
# it, where counting took a part.
_SHARES, _BRIEF_SHARES = (0.2, 0.35), (0.05, 0.1)
# Of the budget: what one benchmark may take, and at least.
_ONE_SHARE, _ONE_SECONDS, _BRIEF_SECONDS = 1 / 40, 10.0, 5.0
# After so many sets of parameters that are too slow, a function's others are taken to be so too.
_SLOW_PARAMETERS = 2
# What a process spends on a benchmark beside its calls, at least.
_LEAST_SECONDS = 0.01


class FirstTrial:
    """One attempt. What there is no time for is ``untried``, with the reason.

    A ``brief`` one is for what can be judged without it. ``left`` are the seconds of the budget
    that trying and screening have for themselves; None if that is all of it.
    """

    def __init__(
        self,
        sampler: Sampler,
        budget: float,
        seeds: Seeds,
        elapsed: Callable[[], float],
        brief: bool = False,
        left: float | None = None,
    ) -> None:
        self._sampler = sampler
        self._left = budget if left is None else left
        self._seeds = seeds
        self._elapsed = elapsed
        self._shares = _BRIEF_SHARES if brief else _SHARES
        self._seconds = _BRIEF_SECONDS if brief else max(_ONE_SECONDS, _ONE_SHARE * budget)
        self._slow: dict[str, list[str]] = {}

    def both(self, benchmarks: Sequence[Benchmark]) -> dict[Arm, dict[str, Reading]]:
        """Try base, then head, which is spared what base had no time for or is too slow there.

        Nothing is compared yet, so the order favours nobody.
        """
        begin = self._elapsed()
        base = self._try_arm("base", benchmarks, begin + self._shares[0] * self._left)
        spared = {
            key: Reading(status="untried", reason=f"one call is too long: {reading.reason}")
            for key, reading in base.items()
            if reading.status == "slow"
        }
        tried = [
            benchmark
            for benchmark in benchmarks
            if benchmark.key not in spared and base[benchmark.key].status != "untried"
        ]
        head = self._try_arm("head", tried, begin + self._shares[1] * self._left)
        return {"base": base, "head": base | spared | head}

    def _try_arm(
        self, arm: Arm, benchmarks: Sequence[Benchmark], deadline: float
    ) -> dict[str, Reading]:
        """Try one arm; a function too slow for two sets of parameters is tried with no more."""
        self._slow = {}
        readings: dict[str, Reading] = {}
        for group in _by_kind(benchmarks):
            left = group
            while left:
                reason = self._reason_not_to(left[0], deadline) if readings else None
                if reason is None:
                    left = self._try_in_one_process(arm, left, deadline, readings)
                else:
                    readings[left[0].key] = Reading(status="untried", reason=reason)
                    left = left[1:]
        return readings

    def _reason_not_to(self, benchmark: Benchmark, deadline: float) -> str | None:
        if self._elapsed() > deadline:
            return "no time was left to try it: raise --budget"
        slow = self._slow.get(benchmark.name, [])
        if len(slow) < _SLOW_PARAMETERS:
            return None
        return f"not tried, as {slow[-1]} took too long: raise --budget"

    def _try_in_one_process(
        self, arm: Arm, left: Sequence[Benchmark], deadline: float, readings: dict[str, Reading]
    ) -> list[Benchmark]:
        """Try until the end, the deadline or a slow one; return what is left to do."""
        by_key = {benchmark.key: benchmark for benchmark in left}

        def limit(benchmark: Benchmark) -> float:
            return min(benchmark.timeout, self._seconds)

        for key, reading in self._sampler.sample(arm, left, CALIBRATING, self._seeds, limit):
            readings[key] = reading
            benchmark = by_key.pop(key)
            if reading.status == "slow":
                self._slow.setdefault(benchmark.name, []).append(key)
                if len(self._slow[benchmark.name]) >= _SLOW_PARAMETERS:
                    break
            if self._elapsed() > deadline:
                break
        return list(by_key.values())


def _by_kind(benchmarks: Sequence[Benchmark]) -> list[list[Benchmark]]:
    """Return those that share a process, and each that needs its own."""
    shared = [benchmark for benchmark in benchmarks if benchmark.type not in ALONE]
    alone = [[benchmark] for benchmark in benchmarks if benchmark.type in ALONE]
    return [shared, *alone] if shared else alone


@dataclass(frozen=True)
class Calibration:
    """Benchmarks that gave a number on both arms, and how each is measured."""

    effort: SamplingEffort
    costs: Costs


def calibrate(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    start_seconds: float,
    looked_at: Collection[str] = (),
) -> Calibration:
    """Choose equal effort for both arms: what the slower one needs.

    ``start_seconds`` is what a process takes beside its benchmarks. What is only ``looked_at``
    takes fewer samples.
    """
    calls: dict[str, int] = {}
    batches: dict[str, int] = {}
    costs: dict[str, float] = {}
    for benchmark in benchmarks:
        tried = [block for block in blocks if block.benchmark == benchmark.key]
        pairs = [block for block in tried if block.base.status == block.head.status == "ok"]
        if not pairs or outcome(tried).kind != "measured":
            continue
        key, last = benchmark.key, pairs[-1]
        slower = max(_call_seconds(last.base), _call_seconds(last.head))
        calls[key] = max(last.base.calls, last.head.calls)
        if benchmark.type == "time":
            batches[key] = samples_for(slower)
            if key in looked_at:
                batches[key] = min(batches[key], LOOK_SAMPLES)
            setup = max(last.base.setup_seconds, last.head.setup_seconds)
            costs[key] = setup + (1 + batches[key]) * calls[key] * slower + _LEAST_SECONDS
        else:
            costs[key] = max(last.base.wall_seconds, last.head.wall_seconds) + _LEAST_SECONDS
    alone = frozenset(benchmark.key for benchmark in benchmarks if benchmark.type in ALONE)
    return Calibration(SamplingEffort(calls, batches), Costs(start_seconds, costs, alone))


def _call_seconds(reading: Reading) -> float:
    return reading.call_seconds or 0.0
