"""Which files of the project differ between two revisions, and whether calls can show it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from perceptron.gate.checkout.definitions import shows_in_calls
from perceptron.gate.checkout.revisions import Revision, git
from perceptron.gate.checkout.suite import Suite

# What no code reads: prose, types for checkers, and folders about the project.
_UNREAD = frozenset({".md", ".rst", ".pyi"})
_ABOUT = frozenset({"doc", "docs"})
# Modules of tests: no benchmark imports one, unless it calls it. What lies beside them, such as
# data and helpers, may be read by any.
_TESTS = frozenset({"test", "tests"})
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")


@dataclass(frozen=True)
class ChangedFiles:
    """Paths relative to the root of the repository."""

    python: tuple[str, ...] = ()
    """Modules: what calls a function of them may have changed."""
    hidden: tuple[str, ...] = ()
    """Files whose change no call of a function shows, some of ``python`` too: it may be in any
    benchmark."""


def changed_files(
    repository: Path, base: Revision, head: Revision, trees: tuple[Path, Path], suite: Suite
) -> ChangedFiles:
    """Return what differs between the ``trees`` of base and head that the benchmarks may run.

    The benchmarks themselves are HEAD's in both.
    """
    names = set(base.changed or ()) | set(head.changed or ())
    if base.commit != head.commit:
        between = ("diff", "--name-only", "--no-renames", "-z", base.commit, head.commit)
        names |= {name for name in git(repository, *between).split("\0") if name}
    code = [name for name in sorted(names) if _may_run(name, suite) and _differs(name, trees)]
    python = tuple(name for name in code if name.endswith(".py"))
    return ChangedFiles(python, tuple(name for name in code if _is_hidden(name, trees)))


def importable(names: Iterable[str], suite: Suite) -> list[str]:
    """Return the paths as they are below a folder that is imported from, be it in another place."""
    code = PurePosixPath(suite.code)
    return [
        _below(_below(PurePosixPath(name), code), PurePosixPath("src")).as_posix() for name in names
    ]


def _below(path: PurePosixPath, folder: PurePosixPath) -> PurePosixPath:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _may_run(name: str, suite: Suite) -> bool:
    path = PurePosixPath(name)
    if path.is_relative_to(suite.benchmarks) or name == suite.file:
        return False
    about = path.parts[0] in _ABOUT or path.parts[0].startswith(".")
    return not about and path.suffix not in _UNREAD


def _is_hidden(name: str, trees: tuple[Path, Path]) -> bool:
    path = PurePosixPath(name)
    if _TESTS.intersection(path.parts[:-1]) and _TEST.fullmatch(path.name):
        return False
    if path.suffix != ".py":
        return True
    base, head = (_read(tree / name) for tree in trees)
    texts = [
        None if content is None else content.decode("utf-8", "replace") for content in (base, head)
    ]
    return not shows_in_calls(*texts)


def _differs(name: str, trees: tuple[Path, Path]) -> bool:
    base, head = (_read(tree / name) for tree in trees)
    return base != head or any((tree / name).is_dir() for tree in trees)  # a submodule


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:  # it is not there, or it is a folder
        return None
