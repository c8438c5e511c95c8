"""Requests to valgrind: what they count."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.gate.runner import counting

valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

COUNTED = """
import gc, sys, time
sys.path.insert(0, {folder!r})
from runner import timing
from runner.counting import Counter, count_calls
from itertools import repeat
counter = Counter()

def loop(turns):
    total = 0.0
    for _ in repeat(None, turns):
        total += 0.5

def count(call):
    batches = timing.Batches(call, lambda: time.perf_counter, None)
    return count_calls(batches, counter, 60.0, lambda: None)["instructions"]

print(
    count(lambda: loop(1000)), count(lambda: loop(2000)), count(lambda: loop(1000)),
    count(lambda: None), gc.isenabled(),
)
"""


def count_in_a_process(tmp_path: Path) -> list[str]:
    script = tmp_path / "script.py"
    folder = str(Path(counting.__file__).parents[1])
    script.write_text(COUNTED.format(folder=folder))
    command = ["valgrind", "--tool=massif", "--quiet", "--time-unit=i", "--pages-as-heap=yes"]
    # Not as the command of the gate: no library of the suite, and a path for the interpreter.
    command += ["--massif-out-file=/dev/null", sys.executable, "-S", str(script)]
    environment = {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin", "PYTHONMALLOC": "malloc"}
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
