"""Checkouts of both revisions side by side, in folders that the arms take turns in."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import Revision, add_changes, git
from perceptron.gate.checkout.suite import Suite
from perceptron.records.block import Arm
from perceptron.records.files.lock import abandoned, make_held

# Folders that trees lie in; their paths are equally long.
SIDES = ("a", "b", "c")
PYTHON = "python"
"""The `Worktrees.link` to an arm's environment."""
_PREFIX = "gate-"


class Worktrees:
    """The arms' trees. A path may make a difference by its length and by what it is; so all paths
    are equally long, and `arrange` renames the trees from block to block.

    What belongs to the suite is the same in all of them: HEAD's, or what lies in a repository of
    its own. What is compared is the code that it measures.
    """

    def __init__(
        self, repository: Path, home: Path, base: Revision, head: Revision, suite: Suite
    ) -> None:
        self.home = home
        self._repository = repository
        self._revisions: dict[Arm, Revision] = {"base": base, "head": head, "control": base}
        self._suite = suite
        self._sides: dict[Arm, str] = {}
        for arm in ("head", "base"):
            self._add(arm)

    def path(self, arm: Arm) -> Path:
        """Return where the arm's tree lies now."""
        return self.home / self._sides[arm]

    def all(self) -> list[Path]:
        """Return where trees may lie."""
        return [self.home / side for side in SIDES]

    def arrange(self, sides: Mapping[Arm, str]) -> None:
        """Move the trees to where the block wants them; a control's is made when first wanted."""
        for arm in sides:
            if arm not in self._sides:
                self._add(arm)
        wanted = dict(sides)
        for arm in self._sides.keys() - wanted.keys():  # out of the way
            wanted[arm] = next(side for side in SIDES if side not in wanted.values())
        moving = [arm for arm, side in wanted.items() if self._sides[arm] != side]
        for arm in moving:
            self.path(arm).rename(self.home / f"moving-{arm}")
        for arm in moving:
            (self.home / f"moving-{arm}").rename(self.home / wanted[arm])
            self._sides[arm] = wanted[arm]

    def link(self, arm: Arm, name: str, folder: str) -> Path:
        """Return a path beside the arm's tree that leads to a folder of that arm.

        The arms exchange these paths with their trees.
        """
        link = self.home / f"{self._sides[arm]}-{name}"
        if not link.is_symlink() or os.readlink(link) != folder:
            link.unlink(missing_ok=True)
            link.symlink_to(folder)
        return link

    def as_known(self, text: str) -> str:
        """Return a message of a program with the paths that users know.

        What lies in a tree is named from its root, a suite in another repository from here.
        """
        for side in SIDES:
            python = self.home / f"{side}-{PYTHON}"
            if python.is_symlink():
                text = text.replace(str(python), os.readlink(python))
            for folder in (self.home / side, self.home / f"{side}-work"):
                text = text.replace(f"{folder}{os.sep}", "")
        if self._suite.origin is not None:
            suite = os.path.relpath(self._suite.origin)
            text = text.replace(f"{self._suite.benchmarks}/", f"{suite}/")
        return with_tilde(text)

    def _add(self, arm: Arm) -> None:
        side = next(side for side in SIDES if side not in self._sides.values())
        tree = self.home / side
        revision = self._revisions[arm]
        git(self._repository, "worktree", "add", "--quiet", "--detach", str(tree), revision.commit)
        add_changes(self._repository, revision, tree)
        self._sides[arm] = side
        if self._suite.origin is not None:
            # What a guest's links name does not come along.
            _copy(self._suite.origin, tree, self._suite.benchmarks, symlinks=False)
        elif arm != "head":
            for name in (self._suite.benchmarks, *self._suite.beside):
                _copy(self.path("head") / name, tree, name)


def with_tilde(text: object) -> str:
    """Return a text or a path with what lies below the home folder as people write it."""
    return str(text).replace(os.path.expanduser("~") + os.sep, "~" + os.sep)


def _copy(ours: Path, tree: Path, name: str, symlinks: bool = True) -> None:
    """Make this name in a tree what ours is: the same file, the same folder, or no file."""
    theirs = tree / name
    for parent in reversed(theirs.relative_to(tree).parents):
        if (tree / parent).is_symlink():  # nothing outside the tree is written
            (tree / parent).unlink()
    if theirs.is_dir() and not theirs.is_symlink():
        if not ours.exists():
            return
        shutil.rmtree(theirs)
    theirs.unlink(missing_ok=True)
    if ours.exists():
        theirs.parent.mkdir(parents=True, exist_ok=True)
    if ours.is_dir():
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            ours, theirs, symlinks=symlinks, ignore=unwanted, ignore_dangling_symlinks=True
        )
    elif ours.is_file():
        shutil.copy2(ours, theirs)


@contextmanager
def working_folder(repository: Path, cache: Path | None = None) -> Iterator[Path]:
    """Yield a folder for trees and caches; afterwards it is gone, and git's record of it too.

    What a killed comparison left behind goes first. Raises `UserError` if it cannot be written.
    """
    folder = cache or user_cache_path("perceptron", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in abandoned(folder, _PREFIX):
            _remove(repository, left)
        home, lock = make_held(folder, _PREFIX)
    except OSError as error:
        raise UserError(
            f"{with_tilde(folder)}: cannot hold checkouts: {error.strerror}; set XDG_CACHE_HOME"
        ) from None
    try:
        yield home
    finally:
        _remove(repository, home)
        lock.close()


def _remove(repository: Path, home: Path) -> None:
    """Remove our folders, then git's record of them; other stale worktrees are their owner's."""
    owner = _owner(home) or repository
    shutil.rmtree(home, ignore_errors=True)
    for side in SIDES:
        with contextlib.suppress(UserError):
            git(owner, "worktree", "remove", "--force", str(home / side))


def _owner(home: Path) -> Path | None:
    """Return the repository whose worktrees are here: a killed comparison may be of another one."""
    for side in SIDES:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            link = (home / side / ".git").read_text(encoding="utf-8").strip()
            administration = Path(link.removeprefix("gitdir: "))  # <repository>/.git/worktrees/<n>
            if administration.is_dir():
                return administration.parents[1]
    return None
