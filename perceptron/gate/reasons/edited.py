"""Python functions that differ between the revisions: their source is parsed, and never run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from perceptron.gate.checkout.same_code import Trees, bare, bounded, parsed
from perceptron.gate.reasons.growth import FunctionId

# Most bytes of changed files; more would take longer than a few seconds.
_MOST = 10_000_000
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def edited_functions(names: Iterable[str], trees: Trees) -> frozenset[FunctionId]:
    """Return the functions whose code differs in the files of these ``names``.

    Docstrings and comments are ignored. A function of one revision alone differs. Each is listed
    under every path by which a trace may name its file: paths of installed files lack the folders
    above the package.
    """
    functions: set[FunctionId] = set()
    room = _MOST
    for path in map(PurePosixPath, names):
        if path.suffix != ".py":
            continue
        texts = [bounded(tree / path) or b"" for tree in trees]
        room -= sum(map(len, texts))
        if room < 0:
            break
        base, head = map(_functions, texts)
        files = ["/".join(path.parts[start:]) for start in range(max(1, len(path.parts) - 1))]
        changed = (name for name in base.keys() | head.keys() if base.get(name) != head.get(name))
        functions |= {(name, file) for name in changed for file in files}
    return frozenset(functions)


def _functions(text: bytes) -> dict[str, list[str]]:
    """Return each function's code, by its qualified name; empty for invalid Python."""
    functions: dict[str, list[str]] = defaultdict(list)
    tree = parsed(text)
    try:
        for name, node in _walk(bare(tree), "") if tree is not None else ():
            functions[name].append(ast.dump(node))
    except (ValueError, RecursionError):
        return {}  # a number of thousands of digits, or nested too deeply
    return functions


def _walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inside = prefix
        if isinstance(child, _FUNCTIONS):
            yield f"{prefix}{child.name}", child
            inside = f"{prefix}{child.name}.<locals>."
        elif isinstance(child, ast.ClassDef):
            inside = f"{prefix}{child.name}."
        yield from _walk(child, inside)
