"""What becomes of a setup_cache: one failure is no finding, and each stage draws anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Answer
from perceptron.gate.sampling.sampler import CALIBRATING, Sampler
from perceptron.records.block import Arm, Benchmark, Reading


class Fake:
    """Arms whose setup_cache fails as often as told, and then works."""

    def __init__(self, home: Path, failures: int) -> None:
        self.trees = SimpleNamespace(home=home)
        self.failures = failures
        self.asked: list[str] = []

    def ask(
        self, arm: Arm, kind: str, _seed: int, tasks: Sequence[dict[str, Any]], *_: object
    ) -> Iterator[Answer]:
        self.asked.append(kind)
        for task in tasks:
            key = task["key"]
            status = "ok"
            if kind == "cache" and self.failures:
                self.failures -= 1
                status = "failed"
            content = {"key": key, "status": status, "reason": None if status == "ok" else "full"}
            yield Answer(kind="start", key=key)
            yield Answer(kind="taken", key=key, content=content)
        yield Answer(kind="end")


SUITE = [Benchmark(name=name, cache="c") for name in ("time_one", "time_two")]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path, failures=0)


def take(takes: Sampler, arm: Arm = "base") -> dict[str, Reading]:
    return dict(takes.take(arm, SUITE, CALIBRATING, 1, lambda _: 1.0))


def test_a_cache_that_failed_is_made_again_the_next_time(fake: Fake) -> None:
    """Within one process's benchmarks it fails once for all of them."""
    fake.failures = 1
    takes = Sampler(cast(Arms, fake))
    assert {taken.status for taken in take(takes).values()} == {"failed"}
    assert {taken.status for taken in take(takes).values()} == {"ok"}
    assert fake.asked == ["cache", "cache", "measure"]


def test_a_cache_is_made_once_for_each_arm_until_it_is_forgotten(fake: Fake) -> None:
    takes = Sampler(cast(Arms, fake))
    for arm in ("base", "base", "head"):
        take(takes, cast(Arm, arm))
    assert fake.asked.count("cache") == 2
    takes.forget_caches()
    take(takes)
    assert fake.asked.count("cache") == 3
