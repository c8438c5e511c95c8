"""The files that declare requirements, by their names, and the properties of each kind."""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import PurePosixPath

from perceptron.errors import UserError
from perceptron.gate.checkout.contents import Unread
from perceptron.gate.dependencies import lists, projects
from perceptron.gate.dependencies.declared import Declared, table_of, tables_of, text_of
from perceptron.untrusted_text import toml

UNREADABLE, NOT_READ = "what cannot be read", "what is not read"
_LISTS = re.compile(r"(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in|pip|lock)", re.I)
_LIST_FOLDERS = frozenset({"requirements", "constraints"})
_LOCKS = re.compile(r"(uv|poetry|pdm)\.lock|pylock(\..+)?\.toml")
_CONDA = re.compile(r"(.*[-_.])?(environment|env)([-_.].*)?\.ya?ml")
_CONDA_LOCK = re.compile(r"(.*[-_.])?conda-lock([-_.].*)?\.ya?ml")
_ADDRESSES = re.compile(r"conda-.*\.lock|pixi\.lock")
_PROJECT, _SETUP_CFG, _SETUP = "pyproject.toml", "setup.cfg", "setup.py"
# They describe the project in their folder, which may be a test's.
_OF_PROJECT = frozenset({_PROJECT, _SETUP_CFG, _SETUP})
_INCLUDED = re.compile(
    r"^[ \t]*(?:- )?(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", re.MULTILINE
)
# Files with requirements of tools; seldom of benchmarks.
_OF_TOOLS = frozenset({"tox.ini", "noxfile.py", "meta.yaml"})
_TESTS, _DOCS = frozenset({"test", "tests"}), frozenset({"doc", "docs"})

_Reader = Callable[[bytes], Iterator[Declared]]
"""A function that yields the requirements in the bytes of a file."""


def declares(name: str, suite: str) -> bool:
    """Return whether the file declares requirements; ``suite`` is asv's configuration."""
    return _reader(PurePosixPath(name), suite) is not None


def declared(name: str, content: bytes | Unread, suite: str) -> frozenset[Declared]:
    """Return a file's requirements; for an unreadable file, the file itself as a text."""
    if isinstance(content, Unread):
        return frozenset({Declared(UNREADABLE, source=content.state, kind="text")})
    reader = _reader(PurePosixPath(name), suite) or lists.of_list  # included by another list
    try:
        return frozenset(reader(content))
    except (UserError, configparser.Error, ValueError, TypeError, AttributeError, RecursionError):
        digest = sha256(content).hexdigest()
        return frozenset({Declared(UNREADABLE, source=digest, kind="text")})


def are_alternatives(name: str, suite: str) -> bool:
    """Return whether one of several entries of a distribution is installed, as in a lock."""
    file = PurePosixPath(name).name
    locks = (_LOCKS, _CONDA_LOCK, _ADDRESSES)
    return name == suite or file == "Pipfile.lock" or any(lock.fullmatch(file) for lock in locks)


def is_aside(name: str, code: str = "") -> bool:
    """Return whether a file is for documentation, tools, or a project that tests use.

    With the folder of the ``code``: or for any project outside that folder.
    """
    path = PurePosixPath(name)
    folders = set(path.parts[:-1])
    is_other = bool(code) and path.parent not in (PurePosixPath(), PurePosixPath(code))
    of_tests = path.name in _OF_PROJECT and (is_other or bool(_TESTS & folders))
    return bool(_DOCS & folders) or of_tests or path.name in _OF_TOOLS


def is_read_by_build(name: str, suite: str) -> bool:
    """Return whether building and installing the project reads the file."""
    return name == suite or PurePosixPath(name).name in _OF_PROJECT


def _of_tool(content: bytes) -> Iterator[Declared]:
    yield Declared(NOT_READ, source=sha256(content).hexdigest(), kind="text")


def included(name: str, content: bytes) -> Iterator[str]:
    """Yield the files that this one includes: lists of requirements, relative to the root."""
    path, text = PurePosixPath(name), text_of(content)
    if path.name == _PROJECT:
        try:
            dynamic = table_of(table_of(table_of(toml(content), "tool"), "setuptools"), "dynamic")
        except UserError:
            return
        extras = tables_of(table_of(dynamic, "optional-dependencies"))
        fields = [entry.get("file") for entry in (table_of(dynamic, "dependencies"), *extras)]
        names = [
            inner for entry in fields for inner in (entry if isinstance(entry, list) else [entry])
        ]
    elif path.name == _SETUP_CFG:
        names = [*projects.included_by_setup_cfg(content)]
    else:
        names = _INCLUDED.findall(text)
    for inner in names:
        if isinstance(inner, str) and "://" not in inner:
            yield _joined(path.parent, inner.strip())


def _joined(folder: PurePosixPath, named: str) -> str:
    parts: list[str] = []
    for part in (folder / named).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)  # no file has the name of a path out of the tree


def _reader(path: PurePosixPath, suite: str) -> _Reader | None:
    """Return the reader of this file; None if it declares nothing."""
    if str(path) == suite:
        return projects.of_asv
    readers: dict[str, _Reader] = {
        _PROJECT: projects.of_project,
        _SETUP_CFG: projects.of_setup_cfg,
        _SETUP: projects.of_setup,
        "Pipfile": lists.of_pipfile,
        "Pipfile.lock": lists.of_pipfile_lock,
        "pixi.toml": projects.of_pixi,
        **dict.fromkeys(_OF_TOOLS, _of_tool),
    }
    if path.name in readers:
        return readers[path.name]
    of_deps = path.suffix in (".yml", ".yaml") and path.parent.name == "deps"
    patterns = (
        (_LOCKS, lists.of_lock),
        (_CONDA_LOCK, lists.of_conda_lock),
        (_ADDRESSES, lists.of_addresses),
        (_CONDA, lists.of_conda),
        (_LISTS, lists.of_list),
    )
    for pattern, reader in patterns:
        if pattern.fullmatch(path.name):
            return reader
    is_list = path.suffix in (".txt", ".in") and _LIST_FOLDERS.intersection(path.parts[:-1])
    return lists.of_conda if of_deps else lists.of_list if is_list else None
