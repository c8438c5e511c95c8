"""Whether a changed Python file shows its change to whoever looks at which functions are called.

Where every call of a benchmark does the same on both revisions up to some point, the first thing
that differs lies in a function that both have entered: so the functions of HEAD that are called
tell whether a change reaches a benchmark. That holds for the bodies of functions, and not for what
a module does while it is imported: a constant, a base class or a decorator may change what happens
in other files. Nor does it hold for functions that a compiler runs in the place of Python.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple

# Where one of these stands, calls may be of machine code that no profiler of Python sees.
_COMPILED = re.compile(r"\b(numba|n?jit|pythran|cython|mypyc|torch\.compile)\b")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# To bind one of these is to hide it.
_BUILT_IN = frozenset(f".{name}" for name in dir(builtins))


def shows_in_calls(base: str | None, head: str | None) -> bool:
    """Return whether all that differs between two texts of a module lies in bodies of functions.

    What HEAD adds under new names does no harm, if that is a definition, an import or a literal:
    whoever uses it was changed too. Nor does an import that HEAD lacks and nothing stands in for.
    None is a module that is not there.
    """
    if head is None or any(_COMPILED.search(text) for text in (base or "", head)):
        return False
    try:
        before, after = (list(_outlined(ast.parse(text).body, "")) for text in (base or "", head))
    except (SyntaxError, ValueError):  # no Python, or of a later version
        return False
    known, kept = ({own.text for own in statements} for statements in (before, after))
    if [own.text for own in before if own.text in kept] != [
        own.text for own in after if own.text in known
    ]:
        return False  # in another order, or done again
    added = [own for own in after if own.text not in known]
    gone = [own for own in before if own.text not in kept]
    return all(own.kind != "action" and not _binds(before, own) for own in added) and all(
        own.kind == "import" and not _binds(after, own) for own in gone
    )


class _Statement(NamedTuple):
    """What a module does when it is imported, apart from the bodies of its functions."""

    text: str
    names: frozenset[str]
    """What it binds, as dotted paths."""
    kind: Literal["import", "definition", "action"]
    """An action may do more than to bind these."""


def _binds(statements: list[_Statement], other: _Statement) -> bool:
    """Return whether a name of the other was bound by one of these, or is built in.

    An attribute of a class that is there may hide one of its base classes: so it binds the class,
    too. A method does not, as to call it shows.
    """
    bound = _BUILT_IN.union(*(own.names for own in statements))
    return not bound.isdisjoint(other.names)


def _outlined(body: list[ast.stmt], inside: str) -> Iterator[_Statement]:
    """Yield the statements, those of classes after their classes, each imported name by itself."""
    for statement in body:
        if isinstance(statement, _Function):
            path = f"{inside}.{statement.name}"
            decorators = [ast.dump(node) for node in statement.decorator_list]
            yield _Statement(f"def {path} {decorators}", frozenset({path}), "definition")
        elif isinstance(statement, ast.ClassDef):
            path = f"{inside}.{statement.name}"
            rest = [*statement.decorator_list, *statement.bases, *statement.keywords]
            text = f"class {path} {[ast.dump(node) for node in rest]}"
            yield _Statement(text, frozenset({path}), "definition")
            yield from _outlined(statement.body, path)
        elif not _is_text(statement):
            for one in _one_by_one(statement):
                names = [f"{inside}.{name}" for name in _bound(one)]
                names += [inside] if inside else []  # see `_binds`
                yield _Statement(f"in {inside}: {ast.dump(one)}", frozenset(names), _kind(one))


def _one_by_one(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield an import of several names as one of each, and what else there is as it is."""
    if isinstance(statement, ast.Import):
        yield from (ast.Import([name]) for name in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        where, level = statement.module, statement.level
        yield from (ast.ImportFrom(where, [name], level) for name in statement.names)
    else:
        yield statement


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield each name that may be bound, wherever in the statement."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        elif isinstance(node, _Definition):
            yield node.name


def _kind(statement: ast.stmt) -> Literal["import", "definition", "action"]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "import" if all(map(_is_for_its_name, statement.names)) else "action"
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign):
        targets, value = [statement.target], statement.value or ast.Constant(None)
    else:
        return "action"
    plain = all(isinstance(target, ast.Name) for target in targets)
    return "definition" if plain and _is_literal(value) else "action"


def _is_for_its_name(name: ast.alias) -> bool:
    """Return whether it is imported to be used, and not for what it does: ``import toy._patch``."""
    dotted = "." in name.name and name.asname is None
    return name.name != "*" and not (
        dotted and name.name.split(".")[0] not in sys.stdlib_module_names
    )


def _is_literal(value: ast.expr | None) -> bool:
    if isinstance(value, (ast.Tuple, ast.List, ast.Set)):
        return all(map(_is_literal, value.elts))
    if isinstance(value, ast.Dict):
        return all(map(_is_literal, (*value.keys, *value.values)))
    if isinstance(value, ast.UnaryOp):
        return _is_literal(value.operand)
    return isinstance(value, ast.Constant)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
