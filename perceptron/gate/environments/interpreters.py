"""The interpreters of the sides: how they are started alike, and their installed packages."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from perceptron.gate.checkout.python import ask
from perceptron.gate.checkout.worktrees import PYTHON, Worktrees, with_tilde
from perceptron.gate.environments import build_cache
from perceptron.records.block import PAIR, Side
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

_RUNNER = "asv_runner"
_WHERE = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.path]))"
# Without packages installed from a file: the project itself is one.
_LISTING = """
import importlib.metadata, json
rows = []
for distribution in importlib.metadata.distributions():
    if "file:" not in (distribution.read_text("direct_url.json") or ""):
        rows.append([distribution.metadata["Name"], distribution.version])
print(json.dumps(rows))
"""
# They install packages and are not run afterwards.
_INSTALLERS = {"pip", "wheel"}
_MOST_SHOWN = 5
_DIGITS = 12
# Suffixes of importable files; a project may write other files beside.
_CODE = {".py", ".so", ".pyd", ".dll", ".dylib"}


# An interpreter's path, its folder, and its import paths.
_Where = tuple[str, str, list[str]]


class Interpreters:
    """The interpreters that start the programs of each side.

    A process's instructions depend on its import paths: texts of another length change the memory
    layout. So if the sides have environments of their own, each is started through a link beside
    its tree. These paths are equally long, and environments exchange them as trees do.
    """

    def __init__(self, pythons: Mapping[Side, str], trees: Worktrees) -> None:
        self._pythons = pythons
        self._trees = trees
        # The folder of an environment, and the path of its interpreter in it.
        self._places: dict[Side, tuple[str, str]] = {}
        self.not_alike: str | None = None
        """The interpreter that cannot be started alike; None if all can, or all are the same."""
        if len(set(pythons.values())) > 1:
            for side in PAIR:
                if self.not_alike is None and not self._link(side):
                    self.not_alike = pythons[side]
                    self._places.clear()

    def path(self, side: Side) -> str:
        """Return the interpreter's path for the side, beside the current folder of its tree."""
        environment = self._places.get("base" if side == "control" else side)
        if environment is None:
            return self._pythons[side]
        prefix, program = environment
        return str(self._trees.link(side, PYTHON, prefix) / program)

    def borrowed(self, side: Side) -> list[str]:
        """Return the folders of our asv_runner, which is pure Python, if the side lacks it.

        Raises `OSError` if they cannot be written.
        """
        if self._pythons[side] == sys.executable:
            return []
        folder = self._trees.home / "borrowed"
        target = folder / _RUNNER
        if not target.is_dir():
            source = metadata.distribution(_RUNNER).locate_file(_RUNNER)
            shutil.copytree(str(source), target, ignore=shutil.ignore_patterns("__pycache__"))
        return [str(folder)]

    @property
    def built(self) -> bool:
        """Whether ``--build`` made them."""
        return Path(self._pythons["head"]).is_relative_to(build_cache.home())

    def where(self, side: Side) -> str:
        """Return the place in which a user installs packages that the side lacks."""
        if self.built:
            return "the environment that is built: name it in the matrix of the suite's file"
        python = with_tilde(self._pythons[side])
        if len(set(self._pythons.values())) > 1 or self._pythons[side] == sys.executable:
            return python
        return f"{python}, or name another one by --python"

    def _link(self, side: Side) -> bool:
        """Link the side's interpreter; return whether it finds the same files through the link."""
        program_path = shutil.which(self._pythons[side])
        facts = None if program_path is None else self._ask(os.path.abspath(program_path))
        if program_path is None or facts is None or not os.path.samefile(program_path, facts[0]):
            return False  # a script that starts it may set more variables
        executable_path, prefix, paths = facts
        executable = Path(executable_path).with_name("python3")
        if not executable.exists() or not executable.samefile(executable_path):
            executable = Path(executable_path)
        program = os.path.relpath(executable, prefix)
        self._places[side] = prefix, program
        link = self._trees.link(side, PYTHON, prefix)

        def moved(path: str) -> str:
            inside = os.path.join(path, "").startswith(os.path.join(prefix, ""))
            return os.path.join(link, os.path.relpath(path, prefix)) if inside else path

        linked = str(link / program)
        return self._ask(linked) == (linked, str(link), list(map(moved, paths)))

    def _ask(self, python: str) -> _Where | None:
        facts: _Where | None = ask([python, "-c", _WHERE], _Where, self._trees.home)  # without code
        return facts


def versions(python: str, without: Collection[str] = ()) -> dict[str, str]:
    """Return the versions of all distributions that this interpreter finds, ``without`` some names.

    Empty where they are unknown.
    """
    kind = list[tuple[str | None, str | None]]
    rows = ask([python, "-c", _LISTING], kind, Path(os.sep)) or []
    unwanted = {*map(canonicalize_name, without)}
    return {
        str(normal): version
        for name, version in reversed(rows)  # the first of a name is the imported one
        if name and version and (normal := canonicalize_name(name)) not in unwanted
    }


def differences(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    """Return the differences, such as ``numpy 2.0 and 2.1``; empty if either side is unknown."""
    if not (base and head):
        return []
    return [
        f"{name} {base.get(name, 'none')} and {head.get(name, 'none')}"
        for name in sorted((base.keys() | head.keys()) - _INSTALLERS)
        if base.get(name) != head.get(name)
    ]


def other_dependencies(differing: list[str]) -> MeasurementWarning:
    """Return the warning on environments that differ."""
    more = len(differing) - _MOST_SHOWN
    listed = ", ".join(differing[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return MeasurementWarning(
        code="other dependencies",
        message=label(f"BASE and HEAD were built with other versions beside them: {listed}"),
        advice="pin them in the suite's matrix to compare the project alone",
    )


@dataclass(frozen=True)
class Code:
    """The project that a side imported: a distribution, or a package without one and a version."""

    name: str
    version: str | None
    place: str
    """The folder of its package."""
    editable: bool

    @cached_property
    def files(self) -> str:
        """A digest of its files, which differs between builds."""
        folder, digest = Path(self.place), sha256()
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            if path.suffix in _CODE and path.is_file():
                digest.update(os.fsencode(path.relative_to(folder.parent)) + b"\0")
                digest.update(path.read_bytes())
        return digest.hexdigest()[:_DIGITS]

    def __str__(self) -> str:
        version = f" {self.version}" if self.version is not None else ", of no distribution,"
        editable = "editable, " if self.editable else ""
        return f"{self.name}{version} from {with_tilde(self.place)} ({editable}files {self.files})"
