"""Which functions a diff changes is read off their source, whatever else moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.reasons.edited import edited_functions
from tests.gate.conftest import write

BASE = """
LIMIT = 10

def same():
    return LIMIT

def edited():
    return same() + 1

def gone():
    pass

class Vector:
    def add(self):
        return 1

    def scale(self):
        def inner():
            return 2
        return inner
"""
HEAD = '''"""Moved by lines."""

LIMIT = 20

def same():
    """Return it."""
    return LIMIT  # a comment

def edited():
    return same() + 2

def new():
    pass

class Vector:
    def add(self):
        return 1

    def scale(self):
        def inner():
            return 3
        return inner
'''


def edited(folder: Path, name: str, base: str | bytes, head: str | bytes) -> set[tuple[str, str]]:
    """What differs in a file of these two texts, of the file as a trace of its tree names it."""
    trees = folder / "a", folder / "b"
    for tree, text in zip(trees, (base, head), strict=True):
        write(tree / name, "")
        (tree / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return {(function, file or "") for function, file in edited_functions([name], trees)}


def test_edited_compares_code_of_functions(tmp_path: Path) -> None:
    """Not by its place, its docstring or comments, nor by what it reads."""
    names = {"edited", "gone", "new", "Vector.scale", "Vector.scale.<locals>.inner"}
    assert edited(tmp_path, "toy.py", BASE, HEAD) == {(name, "toy.py") for name in names}


def test_edited_matches_installed_paths(tmp_path: Path) -> None:
    """There a file is known without the folders above its package."""
    functions = edited(tmp_path, "src/toy/vector.py", "def f(): 1", "def f(): return 2")
    assert {("f", "src/toy/vector.py"), ("f", "toy/vector.py")} <= functions


@pytest.mark.parametrize(
    "text",
    [b"\xff", b"def f(:", b"def f(): return " + b"(" * 5000, b"def f(): return " + b"9" * 9999],
)
def test_edited_tolerates_text_that_is_no_python(tmp_path: Path, text: bytes) -> None:
    """It is code that is compared, of whatever version."""
    assert edited(tmp_path, "toy.py", "def g(): return 1", text) <= {
        ("f", "toy.py"),
        ("g", "toy.py"),
    }
