from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.measure import revision


def test_a_commit_is_dirty_by_changes_outside_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run writes under results/; that must not make the code look changed."""
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "perceptron/measure/revision.py"))
    assert revision.revision() is None
    monkeypatch.setenv("PERCEPTRON_COMMIT", "abc1234")
    assert revision.revision() == "abc1234"

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init", "-q")
    assert revision.revision() == "abc1234"  # no commit yet
    (tmp_path / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "one")
    clean = revision.revision()
    assert clean not in (None, "abc1234")  # git knows better
    assert "-dirty" not in str(clean)
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


@pytest.mark.parametrize("commit", ["d55e0808819c", "v1.2", "d55e080-dirty-01ab"])
def test_a_copy_without_history_is_what_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str
) -> None:
    """As an archive has it that was taken to another machine; nothing is no commit."""
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "perceptron/measure/revision.py"))
    monkeypatch.setenv("PERCEPTRON_COMMIT", commit)
    assert revision.revision() == commit
    monkeypatch.setenv("PERCEPTRON_COMMIT", "")
    assert revision.revision() is None


@pytest.mark.parametrize("commit", ["a b", "$(git rev-parse HEAD)", "x" * 65, "<b>", "-n"])
def test_what_is_no_commit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    """In a checkout too: the next copy would have no commit."""
    monkeypatch.setenv("PERCEPTRON_COMMIT", commit)
    with pytest.raises(UserError, match="PERCEPTRON_COMMIT: not a commit"):
        revision.revision()
