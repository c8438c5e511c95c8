"""Whether a changed Python file shows its change to whoever looks at which functions are called.

Where every call of a benchmark does the same on both revisions up to some point, the first thing
that differs lies in a function that both have entered: so the functions of HEAD that are called
tell whether a change reaches a benchmark. That holds for the bodies of functions, and not for what
a module does while it is imported: a constant, a base class or a decorator may change what happens
in other files. Nor does it hold for functions that a compiler runs in the place of Python.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

# Where one of these stands, calls may be of machine code that no profiler of Python sees.
_COMPILED = re.compile(r"\b(numba|n?jit|pythran|cython|mypyc|torch\.compile)\b")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def shows_in_calls(base: str | None, head: str | None) -> bool:
    """Return whether all that differs between two texts of a module lies in bodies of functions.

    What HEAD adds under new names does no harm: whoever uses it was changed too. None is a module
    that is not there.
    """
    if head is None or any(_COMPILED.search(text) for text in (base or "", head)):
        return False
    try:
        before, after = (_Outline(ast.parse(text)) for text in (base or "", head))
    except (SyntaxError, ValueError):  # no Python, or of a later version
        return False
    if before.statements - after.statements:
        return False
    added = after.statements - before.statements
    return all(
        names is not None and not names & before.names
        for text, names in after.bound.items()
        if text in added
    )


class _Outline:
    """What a module consists of, apart from the bodies of its functions."""

    def __init__(self, module: ast.Module) -> None:
        self.statements: Counter[str] = Counter()
        self.names: set[str] = set()
        self.bound: dict[str, set[str] | None] = {}
        """The names that a statement binds in its module or class; None where it does more."""
        for text, names in _outlined(module.body, ""):
            self.statements[text] += 1
            self.bound[text] = names
            self.names |= names or set()


def _outlined(body: list[ast.stmt], inside: str) -> Iterator[tuple[str, set[str] | None]]:
    """Yield each statement as text, and the names that it binds, as dotted paths."""
    for statement in body:
        if isinstance(statement, _Function):
            path = f"{inside}.{statement.name}"
            decorators = [ast.dump(each) for each in statement.decorator_list]
            yield f"def {path} {decorators}", {path}
        elif isinstance(statement, ast.ClassDef):
            path = f"{inside}.{statement.name}"
            rest = [*statement.decorator_list, *statement.bases, *statement.keywords]
            yield f"class {path} {[ast.dump(each) for each in rest]}", {path}
            yield from _outlined(statement.body, path)
        elif not _is_text(statement):
            yield f"in {inside}: {ast.dump(statement)}", _bound(statement, inside)


def _bound(statement: ast.stmt, inside: str) -> set[str] | None:
    """Return what it binds and does nothing else with; a class's attributes override others'."""
    names: list[str] = []
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        names = [each.asname or each.name.split(".")[0] for each in statement.names]
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)) and not inside:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not all(isinstance(target, ast.Name) for target in targets):
            return None
        names = [target.id for target in targets if isinstance(target, ast.Name)]
    if not names or "*" in names:
        return None
    return {f"{inside}.{name}" for name in names}


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
