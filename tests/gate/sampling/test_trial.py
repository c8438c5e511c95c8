"""The trial ends in time, whatever the benchmarks do, and says what it did not come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from perceptron.gate.sampling.processes import UNSEEDED, Seeds
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.sampling.schedule import Calibration
from perceptron.gate.sampling.trial import try_both
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
        limit: Callable[[Benchmark], float],
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
    return try_both(
        cast(Sampler, fake), benchmarks, UNSEEDED, lambda: fake.now, end, 15.0, lambda _: None
    )


BENCHMARKS = [Benchmark(name=f"b{number:03}", timeout=60.0) for number in range(100)]
ORDER: tuple[Side, Side] = ("base", "head")


def test_it_is_over_when_its_time_is() -> None:
    """What comes after the end is untried on both; base leaves time for head."""
    fake = Fake({benchmark.key: 5.0 for benchmark in BENCHMARKS})
    measurements = tried(fake, BENCHMARKS)
    assert fake.now <= 200 + 5
    last = [measurements[side]["b099"] for side in ORDER]
    assert [measurement.status for measurement in last] == ["untried", "untried"]
    assert last[0].reason == "no time was left to try it: raise --budget"
    both = [key for side, key in fake.asked if side == "head" and ("base", key) in fake.asked]
    assert 15 < len(both) <= 20


def test_head_is_spared_what_is_slow_on_base() -> None:
    slow, fast = Benchmark(name="time_slow"), Benchmark(name="time_fast")
    fake = Fake({slow.key: 1000.0, fast.key: 1.0})
    measurements = tried(fake, [slow, fast])
    assert [key for side, key in fake.asked if side == "head"] == [fast.key]
    assert measurements["base"][slow.key].status == "slow"
    assert measurements["head"][slow.key].status == "untried"
    assert measurements["head"][fast.key].status == "ok"
