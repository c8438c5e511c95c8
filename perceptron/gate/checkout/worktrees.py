"""Checkouts of both revisions, in folders that the sides exchange between blocks."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from perceptron.errors import UserError
from perceptron.gate.checkout import submodules
from perceptron.gate.checkout.revisions import Revision, add_changes, git
from perceptron.gate.checkout.snapshot import Snapshot, snapshot
from perceptron.gate.checkout.suite import Suite
from perceptron.records.block import Side
from perceptron.records.files.lock import abandoned, make_held

# Folders for trees; their paths are equally long.
FOLDERS = ("a", "b", "c")
PYTHON = "python"
"""The `Worktrees.link` to a side's environment."""
_PREFIX = "gate-"


class Worktrees:
    """The sides' trees. The text and the length of a path may affect times; so all paths are
    equally long, and `arrange` exchanges the trees between blocks.

    The files of the suite are the same in all trees: HEAD's, or those of a repository of its own.
    Only the code that it measures differs.
    """

    def __init__(
        self, repository: Path, home: Path, base: Revision, head: Revision, suite: Suite
    ) -> None:
        self.home = home
        self._repository = repository
        self._revisions: dict[Side, Revision] = {"base": base, "head": head, "control": base}
        self._folders: dict[Side, str] = {}
        self._snapshots: dict[Side, Snapshot] = {}
        self.missing: list[str] = []
        """Submodules that a tree lacks."""
        self.suite = suite
        self._add("head")
        self.suite = suite.own(self.path("head")) or suite
        """The suite of HEAD's configuration, else the given one."""
        self._add("base")

    def path(self, side: Side) -> Path:
        """Return the current folder of the side's tree."""
        return self.home / self._folders[side]

    def all(self) -> list[Path]:
        """Return all folders that may contain trees."""
        return [self.home / folder for folder in FOLDERS]

    def renew_snapshot(self, side: Side, names: Iterable[str]) -> None:
        """Renew the snapshot of these files of a tree, before any code of a revision runs."""
        if side in self._snapshots:
            self._snapshots[side] = self._snapshots[side].renewed(self.path(side), names)

    def snapshots(self) -> list[tuple[Side, tuple[Path, Snapshot]]]:
        """Return each tree's current folder, and its snapshot from the checkout."""
        return [
            (side, (self.path(side), self._snapshots[side])) for side in sorted(self._snapshots)
        ]

    def arrange(self, folders: Mapping[Side, str]) -> None:
        """Move the trees to the block's folders; a control's tree is made when first wanted."""
        for side in folders:
            if side not in self._folders:
                self._add(side)
        wanted = dict(folders)
        for side in self._folders.keys() - wanted.keys():  # out of the way
            wanted[side] = next(folder for folder in FOLDERS if folder not in wanted.values())
        moving = [side for side, folder in wanted.items() if self._folders[side] != folder]
        for side in moving:
            self.path(side).rename(self.home / f"moving-{side}")
        for side in moving:
            (self.home / f"moving-{side}").rename(self.home / wanted[side])
            self._folders[side] = wanted[side]

    def link(self, side: Side, name: str, target: str) -> Path:
        """Return a path beside the side's tree that links to ``target``, a folder of that side.

        The sides exchange these paths with their trees.
        """
        link = self.home / f"{self._folders[side]}-{name}"
        if not link.is_symlink() or os.readlink(link) != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        return link

    def as_known(self, text: str) -> str:
        """Return a program's message with the paths that users know.

        Paths in a tree start at its root, those of a suite in another repository here.
        """
        for folder in FOLDERS:
            python = self.home / f"{folder}-{PYTHON}"
            if python.is_symlink():
                text = text.replace(str(python), os.readlink(python))
            for path in (self.home / folder, self.home / f"{folder}-work"):
                text = text.replace(f"{path}{os.sep}", "")
        if self.suite.origin is not None:
            suite = os.path.relpath(self.suite.origin)
            text = text.replace(f"{self.suite.benchmarks}/", f"{suite}/")
        return with_tilde(text)

    @contextmanager
    def own_of_base(self) -> Iterator[Path]:
        """Yield another tree of BASE, with BASE's own benchmarks."""
        tree = self._check_out("base")
        try:
            yield tree
        finally:
            git(self._repository, "worktree", "remove", "--force", str(tree))

    def _check_out(self, side: Side) -> Path:
        """Return a new tree of the side's revision in a free folder."""
        folder = next(folder for folder in FOLDERS if folder not in self._folders.values())
        tree, revision = self.home / folder, self._revisions[side]
        git(self._repository, "worktree", "add", "--quiet", "--detach", str(tree), revision.commit)
        missing = submodules.check_out(self._repository, revision.commit, tree)
        self.missing = sorted({*self.missing, *missing})
        add_changes(self._repository, revision, tree)
        return tree

    def _add(self, side: Side) -> None:
        tree = self._check_out(side)
        self._folders[side] = tree.name
        if self.suite.origin is not None:
            # Targets of links in another repository are not copied.
            _copy(self.suite.origin, tree, self.suite.benchmarks, symlinks=False)
        elif side != "head":
            for name in (self.suite.benchmarks, *self.suite.beside):
                _copy(self.path("head") / name, tree, name)
        self._snapshots[side] = snapshot(tree)


def with_tilde(text: object) -> str:
    """Return a text or a path with the home folder as ``~``."""
    return str(text).replace(os.path.expanduser("~") + os.sep, "~" + os.sep)


def _copy(ours: Path, tree: Path, name: str, symlinks: bool = True) -> None:
    """Make this name in a tree equal to that in ``ours``: the same file or folder, or none."""
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
def working_folder(repository: Path) -> Iterator[Path]:
    """Yield a folder for trees and caches; remove it afterwards, with git's record of it.

    Folders left by killed comparisons are removed first. Raises `UserError` if it cannot be
    written.
    """
    folder = user_cache_path("perceptron", appauthor=False)
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
    """Remove the folder, then git's record of it; another repository's git drops its own record."""
    shutil.rmtree(home, ignore_errors=True)
    for folder in FOLDERS:
        with contextlib.suppress(UserError):
            git(repository, "worktree", "remove", "--force", str(home / folder))
