"""A benchmark is counted alike in each process, whatever else is counted there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from perceptron.gate.counting.valgrind import look_for_valgrind
from tests.gate.conftest import write
from tests.gate.runner.conftest import answers_of, measurements, program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed"),
]

SUITE = """
KEPT = []

def time_loop():
    total = 0.0
    for number in range(1000):
        total += 0.5 * number

def time_makes():
    return {str(number): [number] for number in range(100)}

def time_keeps():
    KEPT.append([object() for _ in range(1000)])
    KEPT.sort(key=len)

def time_imports():
    import asyncio, statistics  # many modules
    return statistics.mean([1, 2])
"""
OTHERS = ["time_keeps", "time_imports"]


def counts(tree: Path, names: Sequence[str]) -> dict[str, float]:
    """Count them in one process, in this order."""
    instrument = look_for_valgrind().instrument("base", tree.parent)
    under = replace(instrument, job={}, variables={**instrument.variables, "PYTHONHASHSEED": "1"})
    facts = {**instrument.job, "seconds": 100, "limit_seconds": 60.0, "suite": "asv"}
    tasks = [(name, f"some.{name}") for name in names]
    with program(tree, "count", tasks, under=under, benchmarks="benchmarks", **facts) as process:
        counted = measurements(answers_of(process))
    assert {measurement["status"] for measurement in counted.values()} == {"ok"}, counted
    return {key: measurement["instructions"] for key, measurement in counted.items()}


def test_runner_count_is_independent_of_other_benchmarks(tmp_path: Path) -> None:
    """To a thousandth, a fifth of the smallest change that counts decide."""
    tree = tmp_path / "tree"
    write(tree / "benchmarks" / "__init__.py", "")
    write(tree / "benchmarks" / "some.py", SUITE)
    counted = ["time_loop", "time_makes"]
    alone = counts(tree, counted)
    for names in (counted, [*OTHERS, *counted], [*counted[::-1], *OTHERS]):
        again = counts(tree, names)
        assert {name: again[name] for name in counted} == pytest.approx(alone, rel=0.001)
