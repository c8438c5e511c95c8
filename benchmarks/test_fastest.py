"""How long a program waits for a cached answer: a target, so it is not among the tests."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from perceptron.measure.library_versions import versions_beneath
from perceptron.questions.fastest.cache import FOLDER, cache_file, update

TARGET_SECONDS = 0.005
# Shapes that were measured, as 198 others were, on each of two backends.
ASK = """
import json, time
from perceptron import fastest
seconds = []
for rows in (100, 101):
    begin = time.perf_counter()
    advice = fastest(
        rows=rows, features=20, threads=1, among=("numpy", "torch-cpu"), measure="never"
    )
    seconds.append(time.perf_counter() - begin)
    assert advice.source == "measured", advice
print(json.dumps(seconds))
"""


def test_fastest_cached_answer_is_immediate(
    benchmark: BenchmarkFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first question of a process and the second, 20 times; the medians meet the target."""
    from tests.made_shapes import measured, shape

    monkeypatch.setenv(FOLDER, str(tmp_path))
    checkout = str(Path(__file__).parents[1])  # where it is not installed, too
    monkeypatch.setenv("PYTHONPATH", checkout, prepend=os.pathsep)
    libraries = versions_beneath(())
    rows = [
        measured(shape(rows=rows), backend, seconds, libraries=libraries)
        for rows in range(1, 201)
        for backend, seconds in (("numpy", 1e-3), ("torch-cpu", 2e-3))
    ]
    update(cache_file(), lambda cached: cached.with_rows(rows))
    command = [sys.executable, "-c", ASK]
    times: list[list[float]] = []

    def ask() -> None:
        answer = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        times.append(json.loads(answer.stdout))

    benchmark.pedantic(ask, rounds=20, warmup_rounds=2)
    for seconds in zip(*times[2:], strict=True):
        assert statistics.median(seconds) < TARGET_SECONDS
