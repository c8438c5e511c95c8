"""The revisions BASE and HEAD: commits of this repository, or ``.``, the working tree as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perceptron.errors import UserError
from perceptron.records.files.write import cannot_write

# Reading a repository or checking it out must not run any of its code.
_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
# Settings in .gitmodules or of a user must not hide a submodule that differs.
DIFFERING = ("diff", "--name-only", "--no-renames", "--ignore-submodules=none", "-z")
# Set while a hook runs; they would lead git away from the given folder.
_STEERING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX")


@dataclass(frozen=True)
class Revision:
    """A commit, with the changes of the working tree if it is compared."""

    name: str
    commit: str
    changed: tuple[str, ...] | None = None
    """Files of the working tree that differ from the commit or are new; None for the commit."""
    digest: str | None = None
    """Digest of these files' names and contents."""


def repository(folder: Path) -> Path:
    """Return the root of the working tree that holds ``folder``; raises `UserError` without one."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").strip())
    except UserError as error:
        raise UserError(f"{folder}: no git repository to compare revisions of: {error}") from None


def resolve(repository: Path, name: str) -> Revision:
    """Return the commit named ``name``. Raises `UserError` where there is none."""
    if not name.strip() or name.startswith("-"):
        raise UserError(f"no revision {name!r}: name a branch, a tag, a commit or .")
    wanted = "HEAD" if name == "." else name
    try:
        commit = git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted + "^{commit}"
        ).strip()
    except UserError:
        advice = "name a branch, a tag, a commit or ."
        if git(repository, "rev-parse", "--is-shallow-repository").strip() == "true":
            advice = (
                "this clone is shallow: git fetch --unshallow, or fetch-depth: 0 of "
                "actions/checkout, brings its history"
            )
        raise UserError(f"unknown revision {name!r} in {repository}: {advice}") from None
    if name != ".":
        return Revision(name, commit)
    changed = changes(repository)
    return Revision(name, commit, changed, _digest(repository, changed) if changed else None)


def changes(repository: Path) -> tuple[str, ...]:
    """Return the files that differ from the last commit: changed, deleted, or new and not ignored.

    Paths are relative to the root.
    """
    differing = git(repository, *DIFFERING, "HEAD")
    new = git(repository, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted({name for name in (differing + new).split("\0") if name}))


def make_ignored_folder(folder: Path, inner: str) -> None:
    """Make ``inner``, a folder of this program, below ``folder``. git ignores the new folders.

    Raises `UserError` if it cannot be made.
    """
    new = next((path for path in (folder, folder / inner) if not path.exists()), None)
    try:
        (folder / inner).mkdir(parents=True, exist_ok=True)
        if new is not None:
            (new / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder, error) from None


def add_changes(repository: Path, revision: Revision, tree: Path) -> None:
    """Make a checkout of the revision's commit equal to the working tree."""
    for name in revision.changed or ():
        _lay(repository / name, tree / name)


def _lay(source: Path, target: Path) -> None:
    """Make ``target`` a copy of ``source``: a file, a link, or a submodule."""
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        shutil.rmtree(target)
        for name in _files(source):
            _lay(source / name, target / name)
    if source.is_symlink() or source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _files(submodule: Path) -> tuple[str, ...]:
    """Return a submodule's files that git does not ignore, relative to it; else empty."""
    if submodule.is_symlink() or not (submodule / ".git").exists():
        return ()
    names = git(submodule, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return tuple(name for name in names.split("\0") if name)


def git(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None, stdin: str = ""
) -> str:
    """Return git's output, with these variables and ``stdin`` as its standard input.

    Raises `UserError` with its last message.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _STEERING}
    try:
        process = subprocess.run(
            ["git", *_QUIET, "-C", str(folder), *arguments],
            env={**inherited, **(variables or {})},
            input=os.fsencode(stdin),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise UserError(f"git cannot be started: {error.strerror}; install it") from None
    if process.returncode != 0:
        messages = os.fsdecode(process.stderr).strip().splitlines()
        raise UserError(messages[-1] if messages else f"git {arguments[0]} failed")
    return os.fsdecode(process.stdout)


def _digest(repository: Path, names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        file = repository / name
        digest.update(os.fsencode(name) + b"\0")
        try:
            mode = file.lstat().st_mode
            if stat.S_ISLNK(mode):
                digest.update(os.fsencode(os.readlink(file)))
            elif stat.S_ISREG(mode):
                digest.update(file.read_bytes())
            elif stat.S_ISDIR(mode):
                digest.update(_digest(file, _files(file)).encode())
        except OSError:
            digest.update(b"deleted")
        digest.update(b"\0")
    return digest.hexdigest()[:16]
