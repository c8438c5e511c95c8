"""The digest of the gate's code tells what it does from what is said about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perceptron.gate import fingerprint

SOURCE = '''"""A module."""

LIMIT = 3
"""What it is for."""


def more(number: int) -> int:
    """Add."""
    # why
    return number + LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "Another\nword."),
        ("What it is for", "What it is"),
        ("Add.", "Add to it."),
        ("# why", "# because"),
        ("    # why\n", ""),
        ("\n\n\n", "\n"),
    ],
)
def test_words_make_no_difference(old: str, new: str) -> None:
    assert fingerprint.without_words(SOURCE.replace(old, new)) == fingerprint.without_words(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("3", "4"), ("number +", "number -"), ("more", "less")])
def test_what_it_does_makes_one(old: str, new: str) -> None:
    assert fingerprint.without_words(SOURCE.replace(old, new)) != fingerprint.without_words(SOURCE)


def test_every_module_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in the folders that measure or judge, also what runs inside an arm only."""
    room = Path(fingerprint.__file__).parent
    copy = tmp_path / "gate"
    shutil.copytree(room, copy)
    monkeypatch.setattr(fingerprint, "__file__", str(copy / "fingerprint.py"))
    before = fingerprint.digest()
    assert before == fingerprint.digest()
    folders = ("runner", "sampling", "verdict")
    files = [file for name in folders for file in sorted((copy / name).rglob("*.py"))]
    assert len(files) >= 15
    for file in [*files, copy / "stages.py"]:
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\nmore = 1\n", encoding="utf-8")
        assert fingerprint.digest() != before, file
        file.write_text(text, encoding="utf-8")
    (copy / "runner" / "new.py").write_text("more = 1\n", encoding="utf-8")
    assert fingerprint.digest() != before
