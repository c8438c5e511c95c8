"""How long the first answer takes: a target, so it is not among the tests."""

from __future__ import annotations

import statistics
import subprocess
import sys

from pytest_benchmark.fixture import BenchmarkFixture

TARGET_SECONDS = 0.2


def test_help_answers_at_once(benchmark: BenchmarkFixture) -> None:
    """`perceptron --help` in a fresh process, 20 times; the median meets the target."""
    command = [sys.executable, "-m", "perceptron", "--help"]
    benchmark.pedantic(
        lambda: subprocess.run(command, check=True, capture_output=True), rounds=20, warmup_rounds=2
    )
    assert statistics.median(benchmark.stats.stats.data) < TARGET_SECONDS
