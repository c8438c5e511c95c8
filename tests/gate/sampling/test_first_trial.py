"""The first attempt ends in time, whatever the benchmarks do, and says what it did not come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from perceptron.gate.sampling.first_trial import FirstTrial
from perceptron.gate.sampling.processes import UNSEEDED, Seeds
from perceptron.gate.sampling.sampler import Limit, Sampler, SamplingEffort
from perceptron.records.block import Arm, Benchmark, Reading


class Fake:
    """Processes on made-up time: each benchmark takes so long, unless it runs into its limit."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.asked: list[tuple[Arm, str]] = []

    def sample(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        seeds: Seeds,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        for benchmark in benchmarks:
            self.asked.append((arm, benchmark.key))
            seconds = self.seconds[benchmark.key]
            self.now += min(seconds, limit(benchmark))
            late = seconds > limit(benchmark)
            yield (
                benchmark.key,
                Reading(status="slow" if late else "ok", reason="late" if late else None),
            )


def trial(fake: Fake, left: float | None = None) -> FirstTrial:
    return FirstTrial(cast(Sampler, fake), 600.0, UNSEEDED, lambda: fake.now, left=left)


BENCHMARKS = [Benchmark(name=f"b{number:03}", timeout=60.0) for number in range(100)]
FIVE = {benchmark.key: 5.0 for benchmark in BENCHMARKS}
ORDER: tuple[Arm, Arm] = ("base", "head")


def test_it_is_over_when_its_share_of_the_budget_is() -> None:
    """The one after the deadline is untried on both, with what to do."""
    fake = Fake(FIVE)
    readings = trial(fake).both(BENCHMARKS)
    assert fake.now <= 0.35 * 600 + 5
    last = [readings[arm]["b099"] for arm in ORDER]
    assert [reading.status for reading in last] == ["untried", "untried"]
    assert "--budget" in (last[0].reason or "")


def test_where_counting_took_a_part_the_trial_has_a_share_of_what_is_left() -> None:
    """The screen comes after it, and has to be over in time."""
    fake = Fake(FIVE)
    fake.now = 300.0
    trial(fake, left=100.0).both(BENCHMARKS)
    assert fake.now <= 300.0 + 0.35 * 100.0 + 2 * 5.0


def test_two_slow_sets_of_parameters_spare_the_others_their_trial() -> None:
    benchmarks = [Benchmark(name="time_it", params=[str(n)], index=n) for n in range(9)]
    fake = Fake({benchmark.key: 1000.0 for benchmark in benchmarks})
    readings = trial(fake).both(benchmarks)
    assert len(fake.asked) == 2
    assert [reading.status for reading in readings["base"].values()].count("untried") == 7
    assert {reading.status for reading in readings["head"].values()} == {"untried"}
