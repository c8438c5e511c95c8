"""The digest of the gate's code tells what it does from what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

import perceptron.gate.arm
from perceptron.gate import code

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
    assert code.without_words(SOURCE.replace(old, new)) == code.without_words(SOURCE)


@pytest.mark.parametrize(("old", "new"), [("3", "4"), ("number +", "number -"), ("more", "less")])
def test_what_it_does_makes_one(old: str, new: str) -> None:
    assert code.without_words(SOURCE.replace(old, new)) != code.without_words(SOURCE)


def test_every_module_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that run inside an arm only."""
    folder = Path(perceptron.gate.arm.__file__).parent
    modules = (*code.MEASURING, *code.JUDGING)
    for name in modules:
        (tmp_path / f"{name}.py").write_bytes((folder / f"{name}.py").read_bytes())
    monkeypatch.setattr(code, "__file__", str(tmp_path / "code.py"))
    before = code.digest()
    for name in modules:
        file = tmp_path / f"{name}.py"
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\nmore = 1\n", encoding="utf-8")
        assert code.digest() != before
        file.write_text(text, encoding="utf-8")
    assert code.digest() == before
