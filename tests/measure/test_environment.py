from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.backends import registry
from perceptron.machine import usable_cores
from perceptron.measure.environment import environment


def test_facts_say_what_was_measured_on() -> None:
    """Processor, cores, BLAS with its kernel and threads, versions; no path of anybody's home."""
    facts = environment([registry.load("numpy")], threads=1)
    assert facts.cores == usable_cores() >= 1
    assert facts.memory_bytes > 2**28
    assert "numpy" in facts.libraries
    assert all(pool.threads == 1 for pool in facts.pools)
    assert facts.variables["OMP_NUM_THREADS"] == "1"
    assert str(Path.home()) not in repr(facts)


def test_equal_facts_have_equal_ids() -> None:
    """Runs on equal ground are resumed and compared by it."""
    first = environment([registry.load("numpy")], threads=1)
    again = environment([registry.load("numpy")], threads=1)
    other = environment([registry.load("numpy")], threads=2)
    assert first.id == again.id != other.id


def test_a_pinned_blas_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a slow NumPy can be explained afterwards."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert environment([registry.load("numpy")], 1).variables["OPENBLAS_CORETYPE"] == "Haswell"
