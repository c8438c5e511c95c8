"""Which code measures and judges: blocks of another are no part of the same comparison or proof."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeGuard

# Of this folder: what decides which number comes out of a process …
MEASURING = (
    "arm",
    "taking",
    "imports",
    "timing",
    "takes",
    "trial",
    "calibration",
    "schedule",
    "planning",
    "campaign",
    "state",
)
# … and what is said of it, which can be said anew.
JUDGING = ("statistics", "rule", "judge", "conclusion")


def digest(modules: Sequence[str] = (*MEASURING, *JUDGING)) -> str:
    """Of what these modules do: comments and docstrings make no difference, nor does the Python."""
    found = sha256()
    for name in modules:
        text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        found.update(f"{name}\n{without_words(text)}\n".encode())
    return found.hexdigest()[:12]


def without_words(source: str) -> str:
    """The lines of a module that are neither blank, nor a comment, nor a docstring."""
    words = {
        number
        for node in ast.walk(ast.parse(source))
        if _is_text(node)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    kept = [line for number, line in lines if number not in words and line.strip()]
    return "\n".join(line for line in kept if not line.lstrip().startswith("#"))


def _is_text(node: ast.AST) -> TypeGuard[ast.Expr]:
    """A docstring, or the description of an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
