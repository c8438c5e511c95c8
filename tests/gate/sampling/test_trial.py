"""The trial ends in time, whatever the benchmarks do, and says what it did not come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from msgspec.structs import replace

from perceptron.gate.sampling.processes import UNSEEDED, Seeds
from perceptron.gate.sampling.sampler import Limit, Sampler
from perceptron.gate.sampling.schedule import Calibration
from perceptron.gate.sampling.trial import Trial
from perceptron.records.block import Benchmark, Side, SideMeasurement


class Fake:
    """Processes on made-up time: each benchmark takes so long, unless it runs into its limit."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.asked: list[tuple[Side, str]] = []
        self.slow = SideMeasurement(status="slow", reason="late")

    def sample(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        _effort: Calibration,
        _seeds: Seeds,
        limit: Limit,
        _seconds_left: Callable[[], float],
    ) -> Iterator[tuple[str, SideMeasurement]]:
        for benchmark in benchmarks:
            self.asked.append((side, benchmark.key))
            seconds, longest = self.seconds[benchmark.key], limit(benchmark)
            self.now += min(seconds, longest)
            yield benchmark.key, self.slow if seconds > longest else SideMeasurement(status="ok")


def tried(
    fake: Fake, benchmarks: Sequence[Benchmark], end: float = 200.0
) -> dict[Side, dict[str, SideMeasurement]]:
    trial = Trial(
        cast(Sampler, fake), UNSEEDED, lambda: fake.now, end, 15.0, lambda _: None, "; because"
    )
    return trial.both(benchmarks)


BENCHMARKS = [Benchmark(name=f"b{number:03}", timeout=60.0) for number in range(100)]
ORDER: tuple[Side, Side] = ("base", "head")


def test_it_is_over_when_its_time_is() -> None:
    """What comes after the end is untried on both, and says why; base leaves time for head."""
    fake = Fake({benchmark.key: 5.0 for benchmark in BENCHMARKS})
    measurements = tried(fake, BENCHMARKS)
    assert fake.now <= 200 + 5
    last = [measurements[side]["b099"] for side in ORDER]
    assert [measurement.status for measurement in last] == ["untried", "untried"]
    assert last[0].reason == "no time was left to try it; because: raise --budget"
    both = [key for side, key in fake.asked if side == "head" and ("base", key) in fake.asked]
    assert 15 < len(both) <= 20


def test_the_others_of_a_slow_function_go_last_and_head_is_spared_what_is_slow() -> None:
    benchmarks = [Benchmark(name="time_it", params=[str(n)], index=n) for n in range(9)]
    fast = Benchmark(name="time_fast")
    fake = Fake({benchmark.key: 1000.0 for benchmark in benchmarks} | {fast.key: 1.0})
    measurements = tried(fake, [*benchmarks, fast])
    assert [key for _, key in fake.asked[:3]] == [*(own.key for own in benchmarks[:2]), fast.key]
    assert [key for side, key in fake.asked if side == "head"] == [fast.key]
    assert {measurements["head"][own.key].status for own in benchmarks} == {"untried"}


def test_what_is_slow_takes_a_part_of_the_time_that_is_left_and_others_are_tried() -> None:
    """HEAD is not called slow for want of time."""
    slow = [Benchmark(name=f"time_slow_{n}") for n in range(5)]
    fast = Benchmark(name="time_fast")
    fake = Fake({own.key: 1000.0 for own in slow} | {fast.key: 0.5})
    measurements = tried(fake, [*slow, fast], 40.0)
    assert measurements["base"][fast.key].status == measurements["head"][fast.key].status == "ok"
    assert {measurements["base"][own.key].status for own in slow} == {"untried"}
    fake = Fake({own.key: 2.0 for own in slow} | {fast.key: 0.5})
    assert {own.status for own in tried(fake, [*slow, fast], 40.0)["base"].values()} == {"ok"}


def test_a_module_that_is_not_imported_in_time_costs_one_time_out() -> None:
    """Its other benchmarks are not waited for; those of other modules are tried."""
    slow = [Benchmark(name=f"slow.time_{n}", file="slow.py") for n in range(5)]
    fast = Benchmark(name="fast.time_it", file="fast.py")

    fake = Fake({own.key: 1000.0 for own in slow} | {fast.key: 1.0})
    fake.slow = replace(fake.slow, loaded=False)
    measurements = tried(fake, [*slow, fast])
    assert fake.asked == [("base", slow[0].key), ("base", fast.key), ("head", fast.key)]
    assert {measurements["base"][own.key].status for own in slow} == {"slow"}
