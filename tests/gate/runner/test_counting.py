"""Requests to valgrind: what they count, and what is said where nothing can be counted."""

from __future__ import annotations

import mmap
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from perceptron.gate.runner import counting, timing
from perceptron.gate.runner.counting import CannotCount, Counter

REQUESTS = platform.machine() in {"x86_64", "aarch64"}
valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

COUNTED = """
import gc, sys, time
sys.path.insert(0, {folder!r})
import timing
from counting import Counter, count_calls
from itertools import repeat
counter = Counter({dumps!r})

def loop(turns):
    total = 0.0
    for _ in repeat(None, turns):
        total += 0.5

def count(call):
    batches = timing.Batches(call, lambda: time.perf_counter, None)
    return count_calls(batches, counter, 60.0, lambda: None)

print(
    count(lambda: loop(1000)), count(lambda: loop(2000)), count(lambda: loop(1000)),
    count(lambda: None), gc.isenabled(),
)
"""


def count_in_a_process(tmp_path: Path) -> list[str]:
    script = tmp_path / "script.py"
    dumps = str(tmp_path / "counts")
    folder = str(Path(counting.__file__).parent)
    script.write_text(COUNTED.format(folder=folder, dumps=dumps))
    command = ["valgrind", "--tool=callgrind", "--quiet", "--instr-atstart=no"]
    # Not as the command of the gate: no library of the suite, and a path for the interpreter.
    command += [f"--callgrind-out-file={dumps}", sys.executable, "-S", str(script)]
    environment = {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return answer.stdout.split()


@valgrind
def test_counts_repeat_and_add_up(tmp_path: Path) -> None:
    """Twice the turns are twice the work, and what counting itself executes is not counted."""
    one, two, once_more, nothing, enabled = count_in_a_process(tmp_path)
    assert 10_000 < float(one) < 2_000_000
    assert float(two) == pytest.approx(2 * float(one), rel=0.01)
    assert float(once_more) == pytest.approx(float(one), rel=1e-3)
    assert float(nothing) < 1000
    assert enabled == "True", "the collector is as it was"
    again, *_ = count_in_a_process(tmp_path)
    assert float(again) == pytest.approx(float(one), rel=1e-3)
    assert not list(tmp_path.glob("counts.*")), "what was read is removed"


class FakeCounter:
    """Counts what a call says that it executes; a call takes seconds on a made-up clock."""

    def __init__(self, instructions: float, seconds: float = 0.0) -> None:
        self.instructions = instructions
        self.seconds = seconds
        self.now = 0.0
        self.calls = 0
        self.counted: list[int] = []
        self.counted_at: list[int] = []
        self.seeded_at: list[int] = []

    def seed(self) -> None:
        self.seeded_at.append(self.calls)

    def call(self) -> None:
        self.calls += 1
        self.now += self.seconds

    def count(self, call: Callable[[], object], calls: int) -> int:
        self.counted.append(calls)
        self.counted_at.append(self.calls)
        for _ in range(calls):
            call()
        return round(calls * self.instructions)


def count(fake: FakeCounter, reset: Callable[[], object] | None = None, number: int = 0) -> float:
    batches = timing.Batches(fake.call, lambda: fake_clock(fake), reset, number)
    counter = cast(Counter, fake)
    return counting.count_calls(batches, counter, 30.0, fake.seed, fake_clock(fake))


def fake_clock(fake: FakeCounter) -> Callable[[], float]:
    return lambda: fake.now


@pytest.mark.parametrize("instructions", [40.0, 3_000.0, 2e6, 1e7, 3e7, 5e9])
def test_how_often_is_counted_follows_from_the_work_alone(instructions: float) -> None:
    fake, slower = FakeCounter(instructions), FakeCounter(instructions, seconds=1.0)
    assert count(fake) == count(slower) == instructions
    assert fake.counted == slower.counted
    assert fake.calls == slower.calls
    assert len(fake.counted) == (1 if instructions > 2e7 else 6)
    assert sum(fake.counted) * instructions <= 6 * max(3e6, instructions)


def test_setups_run_before_what_is_counted_and_between() -> None:
    """As many calls as asv makes between two setups."""
    setups: list[int] = []
    fake = FakeCounter(1000.0)
    assert count(fake, lambda: setups.append(fake.calls), number=3) == 1000.0
    assert set(fake.counted) == {3}
    assert all(begin % 3 == 0 for begin in setups)
    assert len(setups) >= len(fake.counted)
    assert fake.counted_at == fake.seeded_at, "each count draws as the others"


def test_what_takes_too_long_is_foreseen() -> None:
    fake = FakeCounter(1e12, seconds=20.0)
    with pytest.raises(CannotCount, match="about 100 s under valgrind"):
        count(fake)
    assert fake.counted == []


@pytest.mark.skipif(not REQUESTS, reason="no request to valgrind is known here")
def test_a_process_without_valgrind_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotCount, match="does not run under valgrind"):
        Counter(str(tmp_path / "counts"))


def test_a_processor_without_requests_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    with pytest.raises(CannotCount, match="s390x"):
        Counter("counts")


@pytest.mark.skipif(not REQUESTS, reason="no request to valgrind is known here")
def test_a_system_without_executable_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(CannotCount, match=r"no executable memory \(Permission denied\)"):
        Counter("counts")
