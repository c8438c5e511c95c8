"""Which code measures and judges: blocks of another are no part of the same comparison or proof."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeGuard

_PACKAGE = Path(__file__).parents[1]
# Of this package: what decides which number comes out of which process …
MEASURING = (
    "gate/blocks.py",
    "gate/checkout/worktrees.py",
    "gate/counting",
    "gate/runner",
    "gate/sampling",
    "gate/stages.py",
    "gate/verdict/outcome.py",  # says what is tried again
    "gate/verdict/work.py",  # and what is counted again
    "supervision.py",
    "waiting.py",
)
# … and what is made of the numbers. That can be done again with the same blocks, as far as it would
# have screened and promoted the same.
JUDGING = ("gate/verdict", "records/block.py", "trimmed_mean.py")

# Modules among these that a comparison of asv's usual benchmarks runs nothing of: a proof by such
# comparisons says nothing of them, and holds whatever they do.
BESIDE = (
    "gate/runner/profiling.py",
    "gate/runner/pytest_collection.py",
    "gate/runner/pytest_fixture.py",
    "gate/runner/pytest_options.py",
    "gate/runner/pytest_readings.py",
    "gate/runner/pytest_suite.py",
    "gate/runner/raw_timer.py",
    "gate/runner/reach.py",
    "gate/runner/tracing.py",
)


def digest(
    parts: Sequence[str] = (*MEASURING, *JUDGING), without: Collection[str] = frozenset()
) -> str:
    """Return the digest of what these folders and files of the package do, some files apart.

    Comments and docstrings make no difference, nor does the Python. Whole folders count, so that
    a module added to one is part of it without being named.
    """
    result = sha256()
    for name, text in _sources(parts):
        if name in without:
            continue
        result.update(f"{name}\n{without_words(text)}\n".encode())
    return result.hexdigest()[:12]


def _sources(parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        path = _PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(_PACKAGE).as_posix(), file.read_text(encoding="utf-8")


def without_words(source: str) -> str:
    """Return the lines of a module that are neither blank, nor a comment, nor a docstring."""
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
    """Return whether it is a docstring, or the description of an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
