from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perceptron.backends import registry
from perceptron.machine import usable_cores
from perceptron.measure import memory, revision
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


def test_a_commit_is_dirty_by_changes_outside_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run writes under results/; that must not make the code look changed."""
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "perceptron/measure/revision.py"))
    assert revision.revision() is None

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init", "-q")
    assert revision.revision() is None  # no commit yet
    (tmp_path / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "one")
    clean = revision.revision()
    assert clean is not None
    assert not clean.endswith("-dirty")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "row").write_text("1")
    assert revision.revision() == clean
    (tmp_path / "notes.txt").write_text("1")
    assert revision.revision() == clean  # no code
    (tmp_path / "code.py").write_text("2")
    first = revision.revision()
    assert str(first).startswith(f"{clean}-dirty-")
    (tmp_path / "code.py").write_text("3")
    second = revision.revision()
    assert second not in (clean, first)  # other changes, another state
    (tmp_path / "new.py").write_text("4")
    assert revision.revision() not in (clean, first, second)


def test_peak_memory_sees_an_allocation() -> None:
    """64 MiB written to and let go again count, where the system tells at all."""
    peak = memory.PeakMemory()
    block = bytearray(64 * 2**20)
    del block
    seen = peak.bytes()
    assert seen is None or 60 * 2**20 < seen < 80 * 2**20


def test_available_memory_is_some_of_the_machines() -> None:
    import psutil

    assert 0 < memory.available_bytes() <= psutil.virtual_memory().total
