"""The metadata that a side's project would have if it were installed, for what reads its own.

A tree that is imported from where it lies has none, or finds that of another version which happens
to be installed. So each side gets what its tree's own build would say, in a folder that is searched
before all others.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.config_file import read_toml
from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees
from perceptron.gate.environments.interpreters import normal, versions
from perceptron.numbers import enumerated
from perceptron.records.block import Side
from perceptron.supervision import ChildProcess, describe_exit
from perceptron.untrusted_text import label

# A backend may start compilers to find out what it builds.
_SECONDS = 60.0
_BUILD_METADATA = Path(__file__).parents[1] / "runner" / "build_metadata.py"
_MOST_SHOWN = 5
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")
# What metadata is read for: the rest of it may be dynamic.
_READ = {"version", "scripts", "gui-scripts", "entry-points"}
_FILE_NAME = re.compile(r"\w[\w.+!-]{0,99}")


class Metadata:
    """Makes the metadata of each side when it is first asked for.

    Paths are equally long in all sides, wherever their trees lie. Projects that cannot be asked
    have none, and most need none: `failure` says why.
    """

    def __init__(self, trees: Worktrees, suite: Suite, pythons: dict[Side, str]) -> None:
        self._trees = trees
        self._suite = suite
        self._pythons = pythons
        self._folders: dict[Side, Path | None] = {}
        self._failures: dict[Side, str] = {}

    def folder(self, side: Side) -> Path | None:
        """Return the folder that holds it; None if it could not be made, or there is none."""
        if side not in self._folders:
            folder = self._trees.home / "metadata" / side[0]
            folder.mkdir(parents=True, exist_ok=True)
            _empty(folder)  # other trees may have stood here before
            self._folders[side] = folder if self._make(side, folder) else None
        return self._folders[side]

    def failure(self, side: Side) -> str | None:
        """Return why the side's project has no metadata, and what to do."""
        return self._failures.get(side)

    def _make(self, side: Side, folder: Path) -> bool:
        root = self._trees.path(side) / self._suite.code
        project = read(root)
        if project is None:
            return False
        if not project.is_static:
            try:
                _ask_backend(self._pythons[side], root, folder, project)
                return True
            except UserError as error:
                advice = _advice(self._pythons[side], project, error)
                self._failures[side] = self._trees.as_known(advice)
            _empty(folder)
        return write(project, folder)


def _ask_backend(python: str, root: Path, folder: Path, project: Project) -> None:
    """Have the project's backend write its metadata. Raises `UserError` if it does not."""
    backend = project.build_backend
    command = [python, str(_BUILD_METADATA), str(root), str(folder), backend, *project.backend_path]
    try:
        child = ChildProcess(command, os.environ, own_group=True)
    except OSError as error:
        raise UserError(f"{python}: cannot be started: {error.strerror}") from None
    try:
        line = child.read_line(_SECONDS)
        if line is None:
            code = child.wait(_SECONDS)
            raise UserError(child.last_message() or f"{backend} {describe_exit(code)}")
    except TimeoutError as error:
        raise UserError(f"{backend}: {error}") from None
    finally:
        child.end()
    made = folder / os.fsdecode(line.strip())
    # A backend that is too old to read pyproject.toml makes up a name.
    if not made.is_dir() or made.name.lower().startswith("unknown-"):
        raise UserError(f"{backend} did not say what the project is")
    _empty(folder, made)  # setuptools leaves what it made that from


def _advice(python: str, project: Project, error: UserError) -> str:
    """Return what to install: what the project says that its build needs, if that is not there."""
    there = versions(python)
    absent = [name for name in map(_name, project.requires) if name and normal(name) not in there]
    if there and absent:
        return f"install {enumerated(absent[:_MOST_SHOWN])} in {python} (build-system.requires)"
    problem = label(error)
    return f"{problem}: install what builds it in {python}, or pip install --no-deps it there"


def _name(requirement: str) -> str | None:
    """Return the name of what is required; None where a marker decides, or it is no name."""
    match = _REQUIREMENT.match(requirement)
    return None if match is None or ";" in requirement else match[0]


def _empty(folder: Path, but: Path | None = None) -> None:
    for entry in folder.iterdir():
        if entry == but:
            continue
        with contextlib.suppress(OSError):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


_OF_BUILD = ("build-backend", "backend-path", "requires")


class Project(Struct, frozen=True, rename="kebab"):
    """A project, as far as its files say it without running any code.

    The tables ``project`` and ``build-system`` of pyproject.toml in one, with the backend of a
    project that names none.
    """

    name: str | None = None
    version: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    scripts: dict[str, str] = {}
    gui_scripts: dict[str, str] = {}
    entry_points: dict[str, dict[str, str]] = {}
    build_backend: str = "setuptools.build_meta:__legacy__"
    backend_path: tuple[str, ...] = ()
    requires: tuple[str, ...] = ("setuptools",)

    @property
    def is_static(self) -> bool:
        """Whether nobody needs to be asked."""
        return None not in {self.name, self.version} and not _READ.intersection(self.dynamic)


def read(root: Path) -> Project | None:
    """Return the project in this folder; None if there is none, or its files make no sense."""
    file = root / "pyproject.toml"
    try:
        content = read_toml(file) if file.is_file() else {}
        own, build = ({**(content.get(table) or {})} for table in ("project", "build-system"))
        # Neither table says what only the other one may.
        of_build = {key: build[key] for key in _OF_BUILD if key in build}
        of_project = {key: own[key] for key in own if key not in _OF_BUILD}
        project = msgspec.convert({**of_project, **of_build}, type=Project)
        older = _from_setup(root)
        if older is not None and project.name is None:
            return msgspec.convert({**older, **of_build}, type=Project)
        return project if own or build else None  # else it holds settings of tools
    except (UserError, OSError, TypeError, ValueError, configparser.Error):
        return None  # whoever builds it will hear of that


def write(own: Project, folder: Path) -> bool:
    """Write what is known as installed metadata. Return whether that is enough."""
    if not all(_FILE_NAME.fullmatch(text or "") for text in (own.name, own.version)):
        return False
    name = re.sub(r"[-_.]+", "_", own.name or "")
    made = folder / f"{name}-{own.version}.dist-info"
    made.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {own.name}", f"Version: {own.version}"]
    if own.requires_python is not None:
        lines.append(f"Requires-Python: {own.requires_python}")
    lines += [f"Requires-Dist: {dependency}" for dependency in own.dependencies]
    (made / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    groups = {"console_scripts": own.scripts, "gui_scripts": own.gui_scripts, **own.entry_points}
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of_group.items())
        for group, of_group in groups.items()
    ]
    (made / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    return True


def _from_setup(root: Path) -> dict[str, Any] | None:
    """Return what setup.cfg says; setup.py may say otherwise, so setuptools is to be asked."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(root / "setup.cfg", encoding="utf-8")
    facts: Mapping[str, str] = parser["metadata"] if parser.has_section("metadata") else {}
    if not facts and not (root / "setup.py").is_file():
        return None
    version = facts.get("version")
    computed = version is not None and version.startswith(("attr:", "file:"))
    known = None if computed else version
    return {"name": facts.get("name"), "version": known, "dynamic": ["version"]}


def project_names(suite: Suite, tree: Path) -> list[str]:
    """Return what the project may be installed as: asv may call it otherwise than it is built."""
    project = read(tree / suite.code)
    names = [None if project is None else project.name, suite.project]
    return list(dict.fromkeys(name for name in names if name))
