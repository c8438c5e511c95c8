"""A race in a worker: on a clock and a trainer that only pretend, then in real processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any

import msgspec
import pytest

from perceptron.backends.protocol import Evaluation, Score
from perceptron.measure import launch, racing, ranks
from perceptron.measure.job import Race, Running
from perceptron.measure.revision import measuring_code
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.race import RaceTimes, target_of
from tests.made_race import HELD_OUT


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


def job(**changes: Any) -> Race:
    fields: dict[str, Any] = {
        "backend": "pretending",
        "problem": "digits",
        "repeat": 3,
        "dtype": "float32",
        "threads": 1,
        "target": target_of("accuracy=0.9"),
        "epochs": 4,
        "check_iterations": 38,
        "begun": 90.0,
    }
    return Race(**(fields | changes))


def raced(
    monkeypatch: pytest.MonkeyPatch, backend: Pretending, **changes: Any
) -> tuple[RaceTimes, int]:
    """Return a race's answer, and how often it said that it is alive."""
    monkeypatch.setattr(racing.registry, "load", lambda name: backend)
    monkeypatch.setattr(ranks, "assert_threads_of_each", lambda backend, threads: None)
    alive: list[None] = []
    return racing.race(job(**changes), lambda: alive.append(None), backend.clock), len(alive)


def test_looking_is_never_counted_and_nothing_is_looked_at_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a backend does once would be hidden in a look at the start."""
    backend = Pretending([0.5, 0.8, 0.9, 0.99])
    times, alive = raced(monkeypatch, backend)
    assert (times.import_seconds, times.prepare_seconds) == (10.0, 7.0)
    assert times.modules == ["json"]
    half = ["train 38", "evaluate"] * 3
    assert backend.calls == ["prepare float32", *half, "reset", *half]
    assert alive == 6
    for training in (times.fresh, times.resident):
        assert training is not None
        assert [check.seconds for check in training.checks] == pytest.approx([0.5, 1.0, 1.5])
        assert [check.accuracy for check in training.checks] == [0.5, 0.8, 0.9]
        assert {check.loss for check in training.checks} == {None}


def test_race_ends_with_epochs_below_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last stretch may be a shorter one."""
    backend = Pretending([0.1, 0.2, 0.3, 0.4])
    times, _ = raced(monkeypatch, backend, epochs=3, check_iterations=40)
    assert times.fresh is not None
    assert [check.iterations for check in times.fresh.checks] == [40, 80, 114]
    assert backend.calls[1:7:2] == ["train 40", "train 40", "train 34"]


def test_race_seed_sets_start_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for every backend: that of the problem itself."""
    backend = Pretending([0.95])
    raced(monkeypatch, backend, repeat=3)
    assert backend.seen[0].digest == catalogue.find("digits").with_seed(3).digest
    assert backend.seen[0].digest != catalogue.find("digits").digest


ENDINGS = {
    "os.kill(os.getpid(), 11)": "ended by SIGSEGV",
    "raise ImportError('no such thing')": "exited with 1: ImportError: no such thing",
    "time.sleep(1000)": "no answer within 0.5 s",
    "print('no JSON', flush=True)": "malformed",
}


@pytest.mark.parametrize("says", ENDINGS)
def test_whatever_becomes_of_the_process_is_its_answer(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Being alive is no answer, and once that is not said either it hangs."""
    running = msgspec.json.encode(Running(code=measuring_code(), package="")).decode()
    child = (
        f"import os, sys, time\nprint('', flush=True)\nprint({running!r}, flush=True)\n"
        f"sys.stdin.readline()\n{says}\n"
    )
    (tmp_path / "child.py").write_text(child)
    monkeypatch.setattr(launch, "_COMMAND", [sys.executable, str(tmp_path / "child.py")])
    if "sleep" in says:
        monkeypatch.setattr(launch, "TIMEOUT_SECONDS", 0.5)
    times = launch.run_race(job(backend="numpy"))
    assert times.status == "failed"
    assert ENDINGS[says] in str(times.reason)


def test_race_is_abandoned_after_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text("import time\ntime.sleep(1000)\n")
    monkeypatch.setattr(launch, "_COMMAND", [sys.executable, str(tmp_path / "child.py")])
    with pytest.raises(launch.Abandoned):
        launch.run_race(job(backend="numpy"), seconds_left=lambda: 0.2)


def test_race_worker_reports_progress_at_each_check(tmp_path: Path) -> None:
    """It may take much longer than the silence by which a hang is known; both trainings are one."""
    (tmp_path / "model.toml").write_text(HELD_OUT)
    race_job = job(
        backend="numpy",
        problem=str(tmp_path / "model.toml"),
        target=target_of("accuracy=0.8"),
        epochs=1000,
        check_iterations=20,
    )
    signs = 0
    with subprocess.Popen(launch._COMMAND, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(race_job) + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.strip():
                break
            signs += 1
        running = msgspec.json.decode(line, type=Running)
        times = msgspec.json.decode(process.stdout.readline(), type=RaceTimes)
        process.stdin.close()
    assert running.code == measuring_code()
    assert times.fresh is not None
    assert times.resident is not None
    assert (times.fresh.checks[-1].accuracy or 0) >= 0.8
    iterations = [check.iterations for check in times.fresh.checks]
    assert iterations == [check.iterations for check in times.resident.checks]
    assert signs == len(times.fresh.checks) + len(times.resident.checks) > 0
