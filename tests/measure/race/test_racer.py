"""What a racing process counts, on a clock and a trainer that only pretend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from perceptron.backends.protocol import Evaluation, Score
from perceptron.measure.race import racer
from perceptron.measure.race.messages import Looked, Message, RaceJob, Ready, Trained
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.race import target_of


@dataclass
class Pretending:
    """A backend, its trainer and the clock: every call takes its own number of seconds."""

    accuracies: list[float]
    name: str = "pretending"
    device: str = "cpu"
    summary: str = ""
    imports: tuple[str, ...] = ("json",)
    now: float = 100.0
    calls: list[str] = field(default_factory=list)
    epoch: int = 0
    seen: list[Problem] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def unavailable(self) -> None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return {}

    def prepare(self, problem: Problem, dtype: str) -> Any:
        self.seen.append(problem)
        self.now += 7.0
        self.calls.append(f"prepare {dtype}")
        return self

    def train(self, iterations: int) -> None:
        self.now += 0.5
        self.epoch += 1
        self.calls.append(f"train {iterations}")

    def evaluate(self) -> Evaluation:
        self.now += 1000.0
        self.calls.append("evaluate")
        accuracy = self.accuracies[self.epoch - 1]
        return Evaluation(Score(0.0, 1.0), Score(float("nan"), accuracy))

    def reset(self) -> None:
        self.now += 50.0
        self.epoch = 0
        self.calls.append("reset")


def raced(monkeypatch: pytest.MonkeyPatch, backend: Pretending, **changes: Any) -> list[Message]:
    sent: list[Message] = []
    monkeypatch.setattr(racer.registry, "load", lambda name: backend)
    monkeypatch.setattr(racer, "_assert_threads", lambda backend, threads: None)
    fields: dict[str, Any] = {
        "backend": "pretending",
        "problem": "digits",
        "seed": 3,
        "dtype": "float32",
        "threads": 1,
        "target": target_of("accuracy=0.9"),
        "iterations": 4 * 38,
        "check_iterations": 38,
    }
    racer.race(RaceJob(**(fields | changes)), sent.append, backend.clock)
    return sent


def test_looking_is_never_counted_and_nothing_is_looked_at_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a backend does once would be hidden in a look at the start."""
    backend = Pretending([0.5, 0.8, 0.9, 0.99])
    ready, *rest = raced(monkeypatch, backend)
    assert isinstance(ready, Ready)
    assert ready.prepared - ready.imported == pytest.approx(7.0)
    assert ready.modules == ["json"]
    half = ["train 38", "evaluate"] * 3
    assert backend.calls == ["prepare float32", *half, "reset", *half]
    looks = [message.check for message in rest if isinstance(message, Looked)]
    assert [check.seconds for check in looks] == pytest.approx([0.5, 1.0, 1.5] * 2)
    assert [check.accuracy for check in looks] == [0.5, 0.8, 0.9] * 2
    assert {check.loss for check in looks} == {None}
    assert [m.start for m in rest if isinstance(m, Trained)] == ["fresh", "resident"]


def test_a_training_that_does_not_get_there_ends_with_its_iterations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last stretch may be a shorter one."""
    backend = Pretending([0.1, 0.2, 0.3])
    sent = raced(monkeypatch, backend, iterations=100)
    looks = [message.check for message in sent if isinstance(message, Looked)]
    assert [check.iterations for check in looks] == [38, 76, 100] * 2
    assert backend.calls[1:7:2] == ["train 38", "train 38", "train 24"]


def test_the_seed_gives_start_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for every backend: that of the problem itself."""
    backend = Pretending([0.95])
    raced(monkeypatch, backend, seed=3)
    assert backend.seen[0].digest == catalogue.find("digits").with_seed(3).digest
    assert backend.seen[0].digest != catalogue.find("digits").digest
