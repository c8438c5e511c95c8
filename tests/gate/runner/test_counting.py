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
import sys
sys.path.insert(0, {folder!r})
from counting import Counter
counter = Counter({dumps!r})

def loop():
    total = 0
    for number in range(1000):
        total += number

for _ in range(20):
    loop()
print(counter.count(loop, 1), counter.count(loop, 2), counter.count(loop, 0))
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
    """Two calls are twice one; none are none: what counting itself executes is not counted."""
    one, two, none = count_in_a_process(tmp_path)
    assert 10_000 < int(one) < 2_000_000
    assert int(two) == pytest.approx(2 * int(one), rel=1e-3)
    assert int(none) < 200
    again, *_ = count_in_a_process(tmp_path)
    assert int(again) == pytest.approx(int(one), rel=1e-4)
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
