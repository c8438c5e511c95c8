"""What differs between the trees of two revisions, and whether a benchmark can see it.

Where no file differs that benchmarks import or read, both run the same code, and to measure it is
to ask how noisy the machine is. Files are read and parsed here; nothing of them is executed.
"""

from __future__ import annotations

import ast
import filecmp
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from perceptron.gate.checkout.revisions import Revision, git
from perceptron.gate.checkout.suite import Suite

# Of BASE and HEAD.
Trees = tuple[Path, Path]

_PROSE = frozenset({".md", ".rst"})
_DOCS = frozenset({"doc", "docs"})
# A folder of settings that say how to compile.
_BUILDING = ".cargo"
_TESTS = frozenset({"test", "tests"})
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_OF_TESTS = ["tests"]
# What reads docstrings or comments: in a module that names it, these count too.
_READERS = re.compile(
    rb"__doc__(?!\s*=[^=])|\b(docopt|ply|getdoc|getsource|cython|distutils|pythran|attach_stub)\b"
)
# Bytes of Python: one module's, and those of all that differ. More takes longer than a few seconds.
_LARGEST = 2_000_000
_MOST = 10_000_000


def differing(
    repository: Path, base: Revision, head: Revision, trees: Trees, suite: Suite
) -> list[str]:
    """Return what differs between the trees: files, links, submodules, relative to the root.

    The suite's own files are left out: HEAD's serve both.
    """
    names = {*(base.changed or ()), *(head.changed or ())}
    if base.commit != head.commit:
        between = ("diff", "--name-only", "--no-renames", "-z", base.commit, head.commit)
        names |= {name for name in git(repository, *between).split("\0") if name}
    return [
        name
        for name in sorted(names)
        if name != suite.file and not _alike(*(tree / name for tree in trees))
    ]


def same_code(names: Sequence[str], trees: Trees, suite: Suite) -> str | None:
    """Return why no benchmark can see that these files differ; None if one may."""
    modules = [tree / name for name in names if name.endswith(".py") for tree in trees]
    if sum(map(_size, modules)) > _MOST:
        return None
    kinds: list[str] = []
    tests: set[str] = set()
    for path in map(PurePosixPath, names):
        own = _unseen(path, trees, suite)
        if own is None:
            return None
        kinds += own
        tests |= {path.stem} if own == _OF_TESTS else set()
    if tests and _names_any(tests, trees[1] / suite.benchmarks):
        return None
    if not kinds:
        return "nothing differs outside the benchmarks"
    *first, last = dict.fromkeys(kinds)
    listed = f"{', '.join(first)} and {last}" if first else last
    differ = "1 file differs" if len(names) == 1 else f"{len(names)} files differ"
    return f"{differ}, in {listed} only"


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


def parsed(text: bytes) -> ast.Module | None:
    """Return the syntax tree; None for what is no Python, or of a later version."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def bounded(file: Path) -> bytes | None:
    """Return what the file holds; None for what is no file, or too large to look at."""
    facts = _facts(file)
    if facts is None or facts[0] != stat.S_IFREG or _size(file) > _LARGEST:
        return None
    return file.read_bytes()


def _code(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_constant(statement)]
    return ast.dump(tree)


def _is_constant(statement: ast.AST) -> bool:
    """Return whether it does nothing: a docstring, or what stands in its place."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _alike(base: Path, head: Path) -> bool:
    ours, theirs = _facts(base), _facts(head)
    if ours != theirs:
        return False
    kind = None if ours is None else ours[0]
    if kind == stat.S_IFLNK:
        return os.readlink(base) == os.readlink(head)
    if kind == stat.S_IFREG:
        return filecmp.cmp(base, head, shallow=False)
    return kind is None  # what a submodule holds is not there


def _facts(file: Path) -> tuple[int, int] | None:
    """Return what kind of file it is, and whether it is executable; None if it is not there."""
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


def _unseen(path: PurePosixPath, trees: Trees, suite: Suite) -> list[str] | None:
    """Return what differs in it if no benchmark imports or reads that, else None."""
    facts = {own for tree in trees if (own := _facts(tree / path)) is not None}
    if len(facts) != 1 or facts.pop()[0] != stat.S_IFREG:
        return None  # a link, a submodule, another mode
    if path.suffix == ".py" and same_python([tree / path for tree in trees]):
        return ["docstrings", "comments"]
    if path.name == "py.typed" or (path.suffix == ".pyi" and not _is_attached(path, trees)):
        return ["types"]
    if path.parts[0].startswith(".") and path.parts[1:] and path.parts[0] != _BUILDING:
        return ["settings of tools"]
    if _is_of_docs(path, suite) or path.suffix in _PROSE:
        return None if _in_package(path, trees) else ["documentation"]
    is_test = _TESTS.intersection(path.parts[:-1]) and _TEST.fullmatch(path.name)
    return _OF_TESTS if is_test else None


def _is_attached(path: PurePosixPath, trees: Trees) -> bool:
    """Return whether the module beside may read its types while it runs (`lazy_loader`)."""
    modules = (tree / path.with_suffix(".py") for tree in trees)
    texts = [bounded(module) for module in modules if _facts(module) is not None]
    return any(text is None or _READERS.search(text) for text in texts)


def _is_of_docs(path: PurePosixPath, suite: Suite) -> bool:
    code = PurePosixPath(suite.code)
    inside = path.relative_to(code) if path.is_relative_to(code) else path
    return inside.parts[0] in _DOCS and len(inside.parts) > 1


def _in_package(path: PurePosixPath, trees: Trees) -> bool:
    """Return whether a folder above it can be imported: code may read what lies there."""
    folders = list(path.parents)[:-1]
    return any((tree / folder / "__init__.py").exists() for tree in trees for folder in folders)


def _names_any(modules: Iterable[str], benchmarks: Path) -> bool:
    """Return whether a file of the suite has such a name in it, as one that imports it has."""
    names = b"|".join(re.escape(os.fsencode(module)) for module in modules)
    word = re.compile(rb"\b(" + names + rb")\b")
    size = 0
    for file in _modules(benchmarks):
        text = bounded(file)
        size += _size(file)
        if text is None or size > _MOST or word.search(text):
            return True
    return False


def _modules(benchmarks: Path) -> Iterator[Path]:
    if benchmarks.is_file():
        yield benchmarks
    for folder, _, names in os.walk(benchmarks):
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
