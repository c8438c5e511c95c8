from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perceptron.measure import revision


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
