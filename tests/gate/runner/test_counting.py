"""Requests to valgrind: what they count, and what is said where nothing can be counted."""

from __future__ import annotations

import mmap
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.gate.runner import counting
from perceptron.gate.runner.counting import CannotCount, Counter

REQUESTS = platform.machine() in {"x86_64", "aarch64"}
valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

COUNTED = """
import gc, sys, time
sys.path.insert(0, {folder!r})
import timing
from counting import Counter, count_calls
counter = Counter({dumps!r})

def loop():
    total = 0
    for number in range(1000):
        total += number

def nothing():
    pass

def count(call, calls):
    batches = timing.Batches(call, lambda: time.perf_counter, None)
    return count_calls(batches, counter, calls, warm_up=20, counts=5)

print(count(loop, 1), count(loop, 2), count(nothing, 1), gc.isenabled())
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
    """Of two calls each counts as one alone, and what counting itself executes is not counted."""
    one, two, nothing, enabled = count_in_a_process(tmp_path)
    assert 10_000 < float(one) < 2_000_000
    assert float(two) == pytest.approx(float(one), rel=1e-3)
    assert float(nothing) < 1000
    assert enabled == "True", "the collector is as it was"
    again, *_ = count_in_a_process(tmp_path)
    assert float(again) == pytest.approx(float(one), rel=1e-3)
    assert not list(tmp_path.glob("counts.*")), "what was read is removed"


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


def test_requests_are_those_of_valgrinds_headers() -> None:
    """Rotations by 3, 13, 61 and 51 bits on x86-64; by 3, 13, 51 and 61 on arm64 (valgrind.h)."""
    assert bytes.fromhex("48c1c703 48c1c70d 48c1c73d 48c1c733 4887db") in counting._X86_64
    words = [
        int.from_bytes(counting._ARM64[place : place + 4], "little")
        for place in range(0, len(counting._ARM64), 4)
    ]
    turns = [word >> 10 & 63 for word in words if word & 0xFFFF03FF == 0x93CC018C]
    assert turns == [3, 13, 51, 61]
    assert 0xAA0A014A in words
