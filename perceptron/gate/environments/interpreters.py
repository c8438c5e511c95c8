"""The interpreters of the arms: how they are started alike, and what each of them has."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.gate.checkout.worktrees import PYTHON, Worktrees, with_tilde
from perceptron.gate.environments import build_cache
from perceptron.records.block import Arm
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

_RUNNER = "asv_runner"
_WHERE = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.path]))"
# Without what was installed from a file: that is how the project itself gets there.
_LISTING = """
import importlib.metadata, json
rows = []
for own in importlib.metadata.distributions():
    if "file:" not in (own.read_text("direct_url.json") or ""):
        rows.append([own.metadata["Name"], own.version])
print(json.dumps(rows))
"""
_SECONDS = 60.0
# They install others and are not run afterwards.
_INSTALLERS = {"pip", "wheel"}
_MOST_SHOWN = 5
_PAIR: tuple[Arm, ...] = ("base", "head")


class _Where(Struct, frozen=True, array_like=True):
    """Where an interpreter says that it lies, that its folder lies, and what it imports from."""

    executable: str
    prefix: str
    paths: list[str]


class Interpreters:
    """What the programs of each arm are started with.

    What a process executes depends on the paths that it imports from: texts of another length lay
    memory out otherwise. So where the arms have environments of their own, each is started through
    a link beside the tree that it runs. These paths are equally long, and the environments take
    turns in them as the trees do.
    """

    def __init__(self, pythons: Mapping[Arm, str], trees: Worktrees) -> None:
        self._pythons = pythons
        self._trees = trees
        # The folder of an environment, and where in that its interpreter lies.
        self._places: dict[Arm, tuple[str, str]] = {}
        self.not_alike: str | None = None
        """Which one cannot be started so; None where all can, or all are the same."""
        if len(set(pythons.values())) > 1:
            self._find()

    def path(self, arm: Arm) -> str:
        """Return what is to be started for the arm where its tree lies now."""
        place = self._places.get("base" if arm == "control" else arm)
        if place is None:
            return self._pythons[arm]
        prefix, program = place
        return str(self._trees.link(arm, PYTHON, prefix) / program)

    def lent(self, arm: Arm) -> list[str]:
        """Return the folders to import asv_runner from where the arm lacks it: ours is pure Python.

        Raises `OSError` if they cannot be written.
        """
        if self._pythons[arm] == sys.executable:
            return []
        folder = self._trees.home / "lent"
        target = folder / _RUNNER
        if not target.is_dir():
            spec = importlib.util.find_spec(_RUNNER)
            if spec is None or spec.origin is None:
                return []
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(spec.origin).parent, target, ignore=unwanted)
        return [str(folder)]

    @property
    def built(self) -> bool:
        """Whether ``--build`` made them."""
        return Path(self._pythons["head"]).is_relative_to(build_cache.home())

    def where(self, arm: Arm) -> str:
        """Return where a user installs what the arm lacks."""
        if self.built:
            return "the environment that is built: name it in the matrix of the suite's file"
        return with_tilde(self._pythons[arm])

    def _find(self) -> None:
        for arm in _PAIR:
            if not self._place(arm):
                self.not_alike = self._pythons[arm]
                self._places.clear()
                return

    def _place(self, arm: Arm) -> bool:
        """Return whether all that the interpreter finds in its folder is found by a link too."""
        named = shutil.which(self._pythons[arm])
        where = None if named is None else self._ask(os.path.abspath(named))
        if named is None or where is None or not os.path.samefile(named, where.executable):
            return False  # a script that starts it may set more than we know
        executable = Path(where.executable).with_name("python3")
        if not executable.exists() or not executable.samefile(where.executable):
            executable = Path(where.executable)
        program = os.path.relpath(executable, where.prefix)
        self._places[arm] = where.prefix, program
        link = self._trees.link(arm, PYTHON, where.prefix)

        def moved(path: str) -> str:
            inside = os.path.join(path, "").startswith(os.path.join(where.prefix, ""))
            return os.path.join(link, os.path.relpath(path, where.prefix)) if inside else path

        there = str(link / program)
        return self._ask(there) == _Where(there, str(link), list(map(moved, where.paths)))

    def _ask(self, python: str) -> _Where | None:
        """Return its path, its folder and what it imports from, as it says; None if it fails."""
        try:
            asked = subprocess.run(
                [python, "-c", _WHERE],
                cwd=self._trees.home,  # what lies here is no code
                capture_output=True,
                timeout=_SECONDS,
                check=True,
            )
            return msgspec.json.decode(asked.stdout, type=_Where)
        except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
            return None


def versions(python: str, without: Collection[str] = ()) -> dict[str, str]:
    """Return the versions of all distributions that this interpreter finds, some names apart.

    Empty where nobody can tell.
    """
    try:
        listed = subprocess.run(
            [python, "-c", _LISTING], cwd=os.sep, capture_output=True, timeout=_SECONDS, check=True
        )
        rows = msgspec.json.decode(listed.stdout, type=list[tuple[str | None, str | None]])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return {}
    unwanted = {normal(name) for name in without}
    versions: dict[str, str] = {}
    for name, version in rows:
        if name and version and normal(name) not in unwanted:
            versions.setdefault(normal(name), version)  # the first is what is imported
    return versions


def differences(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    """Return what differs, as in ``numpy 2.0 and 2.1``; nothing where one of both is unknown."""
    if not (base and head):
        return []
    return [
        f"{name} {base.get(name, 'none')} and {head.get(name, 'none')}"
        for name in sorted((base.keys() | head.keys()) - _INSTALLERS)
        if base.get(name) != head.get(name)
    ]


def other_dependencies(differing: list[str]) -> MeasurementWarning:
    """Return what is to be known of environments that differ."""
    more = len(differing) - _MOST_SHOWN
    shown = ", ".join(differing[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return MeasurementWarning(
        code="other dependencies",
        message=label(f"BASE and HEAD were built with other versions beside them: {shown}"),
        advice="pin them in the suite's matrix to compare the project alone",
    )


def normal(name: str) -> str:
    """Return the name of a distribution as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()
