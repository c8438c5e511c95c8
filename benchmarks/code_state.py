"""Which state of the package is here, and whether that of a commit is the same."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

PACKAGE = "perceptron"


def code_state(checkout: Path) -> str:
    """Return the last commit that changed the package; changes since add ``-dirty-`` and a digest.

    Not the commit that is checked out: to commit results or pages changes nothing that is measured.
    Empty where nothing is committed yet.
    """
    commit = _git(checkout, "log", "-1", "--format=%h", "--abbrev=12", "--", PACKAGE)
    changes = _git(checkout, "status", "--porcelain", "--untracked-files=all", "--", PACKAGE)
    if not changes:
        return commit
    content = changes + _git(checkout, "diff", "HEAD", "--", PACKAGE)
    digest = hashlib.sha256(content.encode())
    others = ("ls-files", "-z", "--others", "--exclude-standard", "--", PACKAGE)
    for file in sorted(filter(None, _git(checkout, *others).split("\0"))):
        digest.update(_content(checkout / file))
    return f"{commit}-dirty-{digest.hexdigest()[:8]}"


def _content(file: Path) -> bytes:
    """Return the digest of a file's bytes; nothing where it is a broken link, or just gone."""
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return b""


def same_code(checkout: Path, commit: str | None) -> bool:
    """Return whether the package at a commit is the one that is checked out.

    Code that was never committed, or that this history does not hold, is another.
    """
    if not commit:
        return False
    then = _git(checkout, "rev-parse", "--quiet", "--verify", f"{commit}:{PACKAGE}")
    return bool(then) and then == _git(checkout, "rev-parse", f"HEAD:{PACKAGE}")


def last_changes(checkout: Path, count: int) -> list[str]:
    """Return the last commits that changed the package, the newest first."""
    return _git(checkout, "log", f"-{count}", "--no-merges", "--format=%H", "--", PACKAGE).split()


def _git(checkout: Path, *arguments: str) -> str:
    """Return what git answers; nothing where it cannot."""
    command = ["git", "-C", str(checkout), *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    return process.stdout.strip() if process.returncode == 0 else ""
