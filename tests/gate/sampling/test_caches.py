"""What becomes of a setup_cache: one failure is no finding, and each stage draws again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import UNSEEDED, Answer, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Sampler
from perceptron.records.block import Arm, Benchmark, Reading


class Fake:
    """Arms whose setup_cache fails so often, and then works."""

    def __init__(self, home: Path, failures: int) -> None:
        self.trees = SimpleNamespace(home=home)
        self.failures = failures
        self.asked: list[str] = []
        self.drawn: list[int | None] = []

    @staticmethod
    def identifier(_arm: Arm, own: Benchmark) -> str:
        return own.asv_id

    def run(
        self, arm: Arm, kind: str, seeds: Seeds, tasks: Sequence[dict[str, Any]], *_: object
    ) -> Iterator[Answer]:
        self.asked.append(kind)
        if kind == "cache":
            self.drawn.append(seeds.draw)
        for task in tasks:
            key = task["key"]
            status = "ok"
            if kind == "cache" and self.failures:
                self.failures -= 1
                status = "failed"
            content = {"key": key, "status": status, "reason": None if status == "ok" else "full"}
            yield Answer(kind="start", key=key)
            yield Answer(kind="reading", key=key, content=content)
        yield Answer(kind="end")


SUITE = [Benchmark(name=name, cache="c") for name in ("time_one", "time_two")]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path, failures=0)


def sample(sampler: Sampler, arm: Arm = "base") -> dict[str, Reading]:
    return dict(sampler.sample(arm, SUITE, CALIBRATING, UNSEEDED, lambda _: 1.0))


def test_a_cache_that_failed_is_made_again_the_next_time(fake: Fake) -> None:
    """Within one process's benchmarks it fails once for all of them."""
    fake.failures = 1
    sampler = Sampler(cast(Arms, fake), Caches(cast(Arms, fake)))
    assert {reading.status for reading in sample(sampler).values()} == {"failed"}
    assert {reading.status for reading in sample(sampler).values()} == {"ok"}
    assert fake.asked == ["cache", "cache", "measure"]


def test_arms_whose_caches_are_made_at_different_times_draw_alike(fake: Fake) -> None:
    """Until they are forgotten."""
    caches = Caches(cast(Arms, fake))
    caches.make("base", SUITE, Seeds(1, draw=5))
    caches.make("head", SUITE, Seeds(2, draw=6))
    caches.forget()
    caches.make("head", SUITE, Seeds(3, draw=7))
    assert fake.drawn == [5, 5, 7]
