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
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from perceptron.gate.checkout.revisions import Revision, git
from perceptron.gate.checkout.suite import Suite
from perceptron.numbers import enumerated

# Of BASE and HEAD.
Trees = tuple[Path, Path]

_PROSE = frozenset({".md", ".rst"})
_DOCS = frozenset({"doc", "docs"})
# A folder of settings that say how to compile.
_BUILDING = ".cargo"
_TESTS = frozenset({"test", "tests"})
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_OF_TESTS = ["tests"]
_OF_PROSE = ["documentation"]
_OF_TOOLS = ["settings of tools"]
_OF_DOCSTRINGS = ["docstrings", "comments"]
# What reads docstrings or comments: in a module that names it, these count too.
_READERS = re.compile(
    rb"__doc__(?!\s*=[^=])|\b(docopt|ply|getdoc|getsource\w*|cython|distutils|pythran|transonic"
    rb"|torch\.jit|attach_stub)\b"
)
# In a suite: what reads the source of another module, but for a file of data named beside it.
_SOURCE_READERS = re.compile(rb"\w\.__file__(?!\)\.parent / [\"'][\w-]+\.(?!py)\w+[\"'])")
_PROGRAM = re.compile(rb"""^if __name__ == ["']__main__["']:""", re.MULTILINE)
# What asv takes for a benchmark is named so.
_BENCHMARK = re.compile(rb"\b([Tt]ime|[Tt]imeraw|[Tt]rack|[Mm]em|[Pp]eak_?[Mm]em)[A-Z_]\w")
_WORD = re.compile(rb"(?<!def )\b\w+")
# Bytes of Python: one module's, and those of all that differ. More takes longer than a few seconds.
_LARGEST = 2_000_000
_MOST = 10_000_000
# Of all of its modules, which are searched and not parsed.
_MOST_SEARCHED = 100_000_000


def changed_names(repository: Path, base: Revision, head: Revision) -> list[str]:
    """Return what may differ between the revisions, relative to the root."""
    names = {*(base.changed or ()), *(head.changed or ())}
    if base.commit != head.commit:
        between = ("diff", "--name-only", "--no-renames", "-z", base.commit, head.commit)
        names |= {name for name in git(repository, *between).split("\0") if name}
    return sorted(names)


def differing(names: Sequence[str], trees: Trees, suite: Suite) -> list[str]:
    """Return those of the `changed_names` that differ between the trees: files, links, submodules.

    The suite's own files are left out: HEAD's serve both.
    """
    return [
        name
        for name in names
        if name != suite.file and not _alike(*(tree / name for tree in trees))
    ]


def same_code(names: Sequence[str], trees: Trees, suite: Suite) -> str | None:
    """Return why no benchmark can see that these files differ; None if one may."""
    modules = [tree / name for name in names if name.endswith(".py") for tree in trees]
    if sum(map(_size, modules)) > _MOST:
        return None
    links = _links(trees)
    kinds: list[str] = []
    parts: set[str] = set()
    tests: set[str] = set()
    for path in map(PurePosixPath, names):
        own = _unseen(path, trees, suite, links)
        if own is None:
            return None
        kinds += own
        if own == _OF_TESTS:
            tests.add(path.stem)
            parts |= {path.name, *_TESTS.intersection(path.parts)}
        elif own in (_OF_PROSE, _OF_TOOLS):
            parts |= {*path.parts}
    if _is_read(parts, kinds, trees[1], suite) or (tests and _names_any(tests, trees[1], names)):
        return None
    if not kinds:
        return "nothing differs outside the benchmarks"
    differ = "1 file differs" if len(names) == 1 else f"{len(names)} files differ"
    return f"{differ}, in {enumerated(dict.fromkeys(kinds))} only"


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
    """Return what the module does. Raises ValueError where what does nothing may be an error."""
    futures = [number for number, own in enumerate(tree.body) if _is_future(own)]
    start = 0 if ast.get_docstring(tree, clean=False) is None else 1
    if any(map(_is_constant, tree.body[start : max(futures, default=0)])):
        raise ValueError("imports from __future__ are to follow a docstring alone")
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_constant(statement)]
    return ast.dump(tree)


def _is_constant(statement: ast.AST) -> bool:
    """Return whether it does nothing: a docstring, or what stands in its place."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_future(statement: ast.AST) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


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


def _links(trees: Trees) -> list[tuple[PurePosixPath, PurePosixPath]]:
    """Return the links of the trees, and what in these they lead to."""
    links = []
    for tree in trees:
        for line in git(tree, "ls-files", "--stage", "-z").split("\0"):
            facts, _, name = line.partition("\t")
            target = Path(tree, name).resolve() if facts.startswith("120000") else tree.parent
            if target.is_relative_to(tree):
                links.append((PurePosixPath(name), PurePosixPath(target.relative_to(tree))))
    return links


def _unseen(
    path: PurePosixPath,
    trees: Trees,
    suite: Suite,
    links: Sequence[tuple[PurePosixPath, PurePosixPath]],
) -> list[str] | None:
    """Return what differs in it if no benchmark imports or reads that, else None."""
    facts = {own for tree in trees if (own := _facts(tree / path)) is not None}
    if len(facts) != 1 or facts.pop()[0] != stat.S_IFREG:
        return None  # a link, a submodule, another mode
    if path.suffix == ".py" and same_python([tree / path for tree in trees]):
        return _OF_DOCSTRINGS
    aliases = [
        link / path.relative_to(target) for link, target in links if path.is_relative_to(target)
    ]
    kinds = [_by_place(place, trees, suite) for place in (path, *aliases)]
    return None if None in kinds else kinds[0]


def _by_place(path: PurePosixPath, trees: Trees, suite: Suite) -> list[str] | None:
    """Return what lies at such a place; None for what a benchmark may import or read."""
    if path.name == "py.typed" or (path.suffix == ".pyi" and not _is_attached(path, trees)):
        return ["types"]
    if path.parts[0].startswith(".") and path.parts[1:] and path.parts[0] != _BUILDING:
        own = (suite.file, suite.benchmarks, suite.code)
        return None if path.parts[0] in {name.split("/")[0] for name in own} else _OF_TOOLS
    if _is_of_docs(path, suite) or path.suffix in _PROSE:
        return None if _in_package(path, trees, suite) else _OF_PROSE
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


def _in_package(path: PurePosixPath, trees: Trees, suite: Suite) -> bool:
    """Return whether a folder above it can be imported: code may read what lies there."""
    modules = "__init__.py" if _is_of_docs(path, suite) else "*.py"
    folders = list(path.parents)[:-1]
    return any(any((tree / folder).glob(modules)) for tree in trees for folder in folders)


def _is_read(parts: Collection[str], kinds: Sequence[str], tree: Path, suite: Suite) -> bool:
    """Return whether the suite may read a path of these parts, or docstrings that are of the kinds.

    Parts of a path stand between quotes and slashes.
    """
    names = b"|".join(re.escape(os.fsencode(part)) for part in sorted(parts))
    quoted = re.compile(rb"[\"'/](" + names + rb")[\"'/]")
    texts: dict[Path, bytes] = {}
    for file, content in _texts(tree / suite.benchmarks, _MOST):
        if content is None:
            return True
        texts[file] = content
    for file, text in texts.items():
        if parts and quoted.search(text) and not _is_program(file, texts, suite):
            return True
        is_run = file.is_relative_to(tree / (suite.tests or suite.benchmarks))
        reads = _OF_DOCSTRINGS[0] in kinds and is_run
        if reads and (_READERS.search(text) or _SOURCE_READERS.search(text)):
            return True
    return False


def _is_program(file: Path, texts: Mapping[Path, bytes], suite: Suite) -> bool:
    """Return whether this is a program beside the benchmarks, which none of them can run.

    asv imports it to look for benchmarks, but only in a process that measures none.
    """
    if suite.kind != "asv" or not _PROGRAM.search(texts[file]) or _BENCHMARK.search(texts[file]):
        return False
    name = re.compile(rb"\b" + re.escape(os.fsencode(file.stem)) + rb"\b")
    return not any(name.search(text) for other, text in texts.items() if other != file)


def _names_any(tests: Collection[str], tree: Path, names: Collection[str]) -> bool:
    """Return whether a module has such a name in it, as one that imports it has.

    What is changed itself, by these ``names``, is none of them.
    """
    if not all(test.isascii() and test.isidentifier() for test in tests):
        return True
    wanted = set(map(os.fsencode, tests))
    changed = {tree / name for name in names}
    return any(
        text is None or not wanted.isdisjoint(_WORD.findall(text))
        for _, text in _texts(tree, _MOST_SEARCHED, changed)
    )


def _texts(
    place: Path, most: int, without: Collection[Path] = frozenset()
) -> Iterator[tuple[Path, bytes | None]]:
    """Yield the modules of a place and what they hold; None for one that is too much to look at."""
    size = 0
    for file in _modules(place):
        if file not in without:
            size += _size(file)
            yield file, bounded(file) if size <= most else None


def _modules(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, inner, names in os.walk(place):
        inner[:] = [name for name in inner if name != ".git"]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
