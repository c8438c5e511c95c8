"""The first attempt ends in time, whatever the benchmarks do, and says what it did not come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from perceptron.gate.sampling.first_trial import FirstTrial
from perceptron.gate.sampling.sampler import Limit, Sampler, SamplingEffort
from perceptron.records.block import Arm, Benchmark, Reading


class Fake:
    """Processes on made-up time: each benchmark takes so long, unless it runs into its limit."""

    def __init__(self, seconds: dict[str, float], only: Arm | None = None) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.only = only
        self.asked: list[tuple[Arm, str]] = []

    def take(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        hash_seed: int,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        for each in benchmarks:
            self.asked.append((arm, each.key))
            slow = self.only in {None, arm}
            seconds = self.seconds[each.key] if slow else 0.1
            self.now += min(seconds, limit(each))
            late = seconds > limit(each)
            yield (
                each.key,
                Reading(status="slow" if late else "ok", reason="late" if late else None),
            )


def suite(**seconds: float) -> tuple[Fake, list[Benchmark]]:
    return Fake(seconds), [Benchmark(name=name, timeout=60.0) for name in seconds]


def trial(fake: Fake, budget: float = 600.0) -> FirstTrial:
    return FirstTrial(cast(Sampler, fake), budget, 1, lambda: fake.now)


ORDER: tuple[Arm, Arm] = ("base", "head")


def test_everything_quick_is_tried_on_both() -> None:
    fake, benchmarks = suite(one=1.0, two=2.0)
    found = trial(fake).both(benchmarks)
    assert {arm: [t.status for t in found[arm].values()] for arm in ORDER} == {
        "base": ["ok", "ok"],
        "head": ["ok", "ok"],
    }


def test_it_is_over_when_its_share_of_the_budget_is() -> None:
    """The one after the deadline is untried on both, with what to do."""
    fake, benchmarks = suite(**{f"b{number:03}": 5.0 for number in range(100)})
    found = trial(fake).both(benchmarks)
    assert fake.now <= 0.35 * 600 + 5
    last = [found[arm]["b099"] for arm in ORDER]
    assert [taken.status for taken in last] == ["untried", "untried"]
    assert "--budget" in (last[0].reason or "")


def test_two_slow_sets_of_parameters_spare_the_others_their_trial() -> None:
    benchmarks = [Benchmark(name="time_it", params=[str(n)], index=n) for n in range(9)]
    fake = Fake(dict.fromkeys((each.key for each in benchmarks), 1000.0))
    found = trial(fake).both(benchmarks)
    assert len(fake.asked) == 2
    assert [taken.status for taken in found["base"].values()].count("untried") == 7
    assert {taken.status for taken in found["head"].values()} == {"untried"}


def test_what_is_slow_on_head_alone_is_seen_to_be() -> None:
    """It may hang, so base is always asked."""
    fake, benchmarks = suite(one=1000.0)
    fake.only = "head"
    found = trial(fake).both(benchmarks)
    assert (found["base"]["one"].status, found["head"]["one"].status) == ("ok", "slow")


def test_a_second_attempt_has_as_much_time_as_the_first() -> None:
    """What failed on one side is tried again, however long everything took before."""
    fake, benchmarks = suite(one=1.0, two=1.0)
    fake.now = 500.0
    found = trial(fake).both(benchmarks)
    assert {taken.status for arm in ORDER for taken in found[arm].values()} == {"ok"}
