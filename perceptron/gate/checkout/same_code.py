"""Differences between the trees of two revisions, and whether any code uses them.

If no file differs that benchmarks import or read, both sides run the same code, and measuring shows
only the machine's noise. Files are read and parsed here, and never executed. Code may still read a
file that looks unused, so `Inert` lists the files to watch while the suite runs.
"""

from __future__ import annotations

import ast
import filecmp
import os
import re
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import DIFFERING, Revision, git
from perceptron.gate.checkout.suite import Suite
from perceptron.numbers import enumerated
from perceptron.records.comparison import Comparison
from perceptron.untrusted_text import label

# Of BASE and HEAD.
Trees = tuple[Path, Path]

_PROSE = frozenset({".md", ".rst"})
_DOCS = frozenset({"doc", "docs"})
# A folder of compiler settings.
_BUILDING = ".cargo"
_TESTS = re.compile(r"(\w+[_-])?tests?")
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
# A folder of tests or benchmarks, and of files that these need.
_OF_SUITE = re.compile(r"_?(tests?|bench(mark)?s?|benchmarking|perf(ormance)?)", re.IGNORECASE)
_DOCSTRINGS = "docstrings"
# Names of code that reads docstrings or comments: in a module with such a name, these count too.
_READERS = re.compile(
    rb"__doc__(?!\s*=[^=])|\b(docopt|ply|getdoc|getsource\w*|cython|distutils|pythran|transonic"
    rb"|torch\.jit|attach_stub)\b"
)
# Bytes of Python: one module's, and those of all that differ. More would take longer than a few
# seconds.
_LARGEST = 2_000_000
_MOST = 10_000_000


@dataclass(frozen=True)
class Inert:
    """Differences that matter only if a benchmark reads them.

    Paths are relative to the trees.
    """

    reason: str
    files: tuple[str, ...] = ()
    """Files, and folders that one tree alone has."""
    folders: tuple[str, ...] = ()
    """The folders that contain these: listing them gives different results."""
    modules: tuple[str, ...] = ()
    """Modules that differ in docstrings, comments and layout: importing them is harmless."""
    lines: bool = False
    """Whether code of the modules has other line numbers."""

    def watched(self) -> dict[str, Any]:
        """Return the paths for a program to watch."""
        return {name: value for name, value in asdict(self).items() if name != "reason"}


def changed_names(repository: Path, base: Revision, head: Revision) -> list[str]:
    """Return the files that may differ between the revisions, relative to the root."""
    names = {*(base.changed or ()), *(head.changed or ())}
    if base.commit != head.commit:
        between = git(repository, *DIFFERING, base.commit, head.commit)
        names |= {name for name in between.split("\0") if name}
    return sorted(names)


def differing(names: Sequence[str], trees: Trees) -> list[str]:
    """Return the `changed_names` that differ between the trees: files, links, submodules.

    Benchmarks do not: HEAD's serve both.
    """
    return [name for name in names if not _alike(*(tree / name for tree in trees))]


def inert(names: Sequence[str], trees: Trees, suite: Suite) -> Inert | None:
    """Return the files to watch if all differences are inert by kind, else None."""
    paths = [tree / name for name in names if name.endswith(".py") for tree in trees]
    if sum(map(_size, paths)) > _MOST:
        return None
    kinds: dict[str, None] = {}  # in their order
    files: list[str] = []
    modules: list[str] = []
    for path in map(PurePosixPath, names):
        kind = _unused(path, trees, suite)
        if kind is None:
            return None
        kinds[kind] = None
        if kind == _DOCSTRINGS:
            kinds["comments"] = None
        (modules if kind == _DOCSTRINGS else files).append(str(path))
    if not kinds:
        return Inert("nothing differs outside the benchmarks")
    differ = "1 file differs" if len(names) == 1 else f"{len(names)} files differ"
    reason = f"{differ}, in {enumerated(kinds)} only, and no benchmark was seen to read that"
    folders = sorted({str(folder) for name in files for folder in _made(name, trees)})
    places = {str(PurePosixPath(name).parent) for name in (*files, *folders)}
    moved = any(_lines([tree / name for tree in trees]) for name in modules)
    return Inert(reason, (*files, *folders), tuple(sorted(places)), tuple(modules), moved)


def taken_from_head(
    names: Sequence[str], suite: Suite, repository: Path, base: Revision, tree: Path
) -> str | None:
    """Return a file that both sides take from HEAD and that may be no benchmark; None if none is.

    It lies beside tests without a folder of their own, or where BASE's ``tree`` has other files
    than its benchmarks.
    """
    if suite.origin is not None:
        return None
    folder = PurePosixPath(suite.benchmarks)
    if suite.kind == "pytest":
        inside = [path for path in map(PurePosixPath, names) if folder in path.parents]
        is_of_suite = _OF_SUITE.fullmatch(folder.name)
        return next(
            (str(path) for path in inside if not (is_of_suite or _TEST.fullmatch(path.name))), None
        )
    with suppress(UserError):
        own_suite = suite.own(tree)
        if own_suite is not None and own_suite.benchmarks != suite.benchmarks:
            listing = git(repository, "ls-tree", "--name-only", base.commit, "--", suite.benchmarks)
            return suite.benchmarks if listing else None
    return None


def with_taken(comparison: Comparison, file: str | None) -> Comparison:
    """Return the comparison, inconclusive if BASE ran a ``file`` taken from HEAD."""
    if file is None or comparison.verdict != "clean":
        return comparison
    reason = (
        f"HEAD's {label(file)} served both revisions, as it lies among the benchmarks: keep "
        "these in a folder of their own, or name one file of tests"
    )
    return msgspec.structs.replace(comparison, verdict="inconclusive", reason=reason)


def same_python(files: Sequence[Path]) -> bool:
    """Return whether these modules are the same but for docstrings, comments and layout."""
    texts = [bounded(file) for file in files]
    if any(text is None or _READERS.search(text) for text in texts):
        return False
    trees = [parsed(text) for text in texts if text is not None]
    if None in trees:
        return False
    try:
        return len({_code(tree) for tree in trees if tree is not None}) == 1
    except (ValueError, RecursionError):
        return False  # a number of thousands of digits, or nested too deeply


def _lines(files: Sequence[Path]) -> bool:
    """Return whether these equal modules have code in different lines."""
    trees = [parsed(text) for text in map(bounded, files) if text is not None]
    lines = [
        [getattr(node, "lineno", 0) for node in ast.walk(bare(tree))]
        for tree in trees
        if tree is not None
    ]
    return lines[0] != lines[1]


def _made(name: str, trees: Trees) -> Iterator[PurePosixPath]:
    """Yield the folders above a file that one of the trees lacks."""
    for folder in list(PurePosixPath(name).parents)[:-1]:
        if not all((tree / folder).is_dir() for tree in trees):
            yield folder


def parsed(text: bytes) -> ast.Module | None:
    """Return the syntax tree; None for invalid Python, or that of a later version."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def bounded(file: Path) -> bytes | None:
    """Return the file's contents; None if it is no file, or too large."""
    facts = _facts(file)
    if facts is None or facts[0] != stat.S_IFREG or _size(file) > _LARGEST:
        return None
    return file.read_bytes()


def _code(tree: ast.Module) -> str:
    """Return the module's code, without docstrings and other unused constants."""
    return ast.dump(bare(tree))


def bare(tree: ast.Module) -> ast.Module:
    """Return the tree without docstrings and other expressions that are constants."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_constant(statement)]
    return tree


def _is_constant(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _alike(base: Path, head: Path) -> bool:
    base_facts, head_facts = _facts(base), _facts(head)
    if base_facts != head_facts:
        return False
    kind = None if base_facts is None else base_facts[0]
    if kind == stat.S_IFLNK:
        return os.readlink(base) == os.readlink(head)
    if kind == stat.S_IFREG:
        return filecmp.cmp(base, head, shallow=False)
    return kind is None  # a submodule of another commit is a folder


def _facts(file: Path) -> tuple[int, int] | None:
    """Return the file's type and whether it is executable; None if there is no file."""
    try:
        mode = file.lstat().st_mode
    except OSError:
        return None
    kind = stat.S_IFMT(mode)
    return kind, mode & stat.S_IXUSR if kind == stat.S_IFREG else 0


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def _unused(path: PurePosixPath, trees: Trees, suite: Suite) -> str | None:
    """Return a description of the difference if code seldom imports or reads such a file."""
    if not str(path).isprintable():
        return None  # such as a name that is not UTF-8, which no program can receive
    facts = {fact for tree in trees if (fact := _facts(tree / path)) is not None}
    if len(facts) != 1 or facts.pop()[0] != stat.S_IFREG:
        return None  # a link, a submodule, another mode
    if path.suffix == ".py" and same_python([tree / path for tree in trees]):
        return _DOCSTRINGS
    if path.name == "py.typed" or (path.suffix == ".pyi" and path.stem != "__init__"):
        return "types"  # a package's own stubs may be read while it runs, as by lazy_loader
    if str(path) == suite.file:
        return "settings of the suite"
    first = path.parts[0]
    if first.startswith(".") and path.parts[1:] and first != _BUILDING:
        of_suite = (suite.file, suite.benchmarks, suite.code)
        return None if first in {name.split("/")[0] for name in of_suite} else "settings of tools"
    if _is_of_docs(path, suite) or path.suffix in _PROSE:
        return None if _in_package(path, trees, suite) else "documentation"
    return "tests" if _is_test(path, trees) else None


def _is_test(path: PurePosixPath, trees: Trees) -> bool:
    """Return whether it is named as a test, or is a module beside tests outside of any package."""
    folders = list(path.parents)[:-1]
    if path.suffix != ".py" or not any(_TESTS.fullmatch(folder.name) for folder in folders):
        return False
    packages = (tree / folder / "__init__.py" for tree in trees for folder in folders)
    return bool(_TEST.fullmatch(path.name)) or not any(file.exists() for file in packages)


def _is_of_docs(path: PurePosixPath, suite: Suite) -> bool:
    code = PurePosixPath(suite.code)
    inside = path.relative_to(code) if path.is_relative_to(code) else path
    return inside.parts[0] in _DOCS and len(inside.parts) > 1


def _in_package(path: PurePosixPath, trees: Trees, suite: Suite) -> bool:
    """Return whether a folder above it can be imported: code may read the files in it."""
    modules = "__init__.py" if _is_of_docs(path, suite) else "*.py"
    folders = list(path.parents)[:-1]
    return any(any((tree / folder).glob(modules)) for tree in trees for folder in folders)
