"""Which code measures and judges: blocks of another are no part of the same comparison or proof."""

from __future__ import annotations

import ast
from hashlib import sha256
from pathlib import Path

# Of this folder: what decides which number comes out of a process, and what is said of it.
MODULES = (
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
    "statistics",
    "rule",
    "judge",
    "conclusion",
)


def digest() -> str:
    """Of what these modules do; comments, docstrings and layout make no difference."""
    found = sha256()
    for name in MODULES:
        text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        found.update(f"{name}\0{without_words(text)}\0".encode())
    return found.hexdigest()[:12]


def without_words(source: str) -> str:
    """The syntax tree of a module, without what is only said about it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_text(each)]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    """A docstring, or the description of an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
