"""The metadata that an arm's project would have if it were installed, for what reads its own.

A tree that is imported from where it lies has none, or finds that of another version which happens
to be installed. So each arm gets what its tree's own build would say, in a folder that is searched
before all others.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees
from perceptron.gate.environments import project_files
from perceptron.gate.environments.project_files import Project
from perceptron.records.block import Arm
from perceptron.supervision import ChildProcess

# A backend may start compilers to find out what it builds.
_SECONDS = 60.0
_BUILD_METADATA = Path(__file__).parents[1] / "runner" / "build_metadata.py"


class Metadata:
    """Makes the metadata of each arm when it is first asked for.

    Paths are equally long in all arms, wherever their trees lie. Projects that cannot be asked have
    none, and most need none: `failure` says why.
    """

    def __init__(self, trees: Worktrees, suite: Suite, pythons: dict[Arm, str]) -> None:
        self._trees = trees
        self._suite = suite
        self._pythons = pythons
        self._folders: dict[Arm, Path | None] = {}
        self._failures: dict[Arm, str] = {}

    def folder(self, arm: Arm) -> Path | None:
        """Return the folder that holds it; None if it could not be made, or there is none."""
        if arm not in self._folders:
            folder = self._trees.home / "metadata" / arm[0]
            folder.mkdir(parents=True, exist_ok=True)
            made = self._copy_of_base(arm, folder) or self._make(arm, folder)
            self._folders[arm] = folder if made else None
        return self._folders[arm]

    def failure(self, arm: Arm) -> str | None:
        """Return why the arm's project has no metadata."""
        return self._failures.get(arm)

    def _copy_of_base(self, arm: Arm, folder: Path) -> bool:
        base = self._folders.get("base")
        if arm != "control" or base is None:
            return False
        shutil.copytree(base, folder, dirs_exist_ok=True)
        return True

    def _make(self, arm: Arm, folder: Path) -> bool:
        root = self._trees.path(arm) / self._suite.code
        project = project_files.read(root)
        if project is None:
            return False
        if not project.is_static:
            try:
                if _ask_backend(self._pythons[arm], root, folder, project):
                    return True
                self._failures[arm] = f"{project.backend} did not say what the project is"
            except UserError as error:
                self._failures[arm] = str(error)
            _empty(folder)
        return project_files.write(project, folder)


def _ask_backend(python: str, root: Path, folder: Path, project: Project) -> bool:
    """Return whether the project's backend wrote its metadata. Raises `UserError` if it failed."""
    command = [python, str(_BUILD_METADATA), str(root), str(folder), project.backend]
    try:
        child = ChildProcess([*command, *project.backend_path], os.environ, own_group=True)
    except OSError as error:
        raise UserError(f"{python}: cannot be started: {error.strerror}") from None
    try:
        line = child.read_line(_SECONDS)
        if line is None:
            child.wait(_SECONDS)
            raise UserError(child.last_message())
    except TimeoutError as error:
        raise UserError(f"{project.backend}: {error}") from None
    finally:
        child.end()
    made = folder / os.fsdecode(line.strip())
    # A backend that is too old to read pyproject.toml makes up a name.
    return made.is_dir() and not made.name.lower().startswith("unknown-")


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
