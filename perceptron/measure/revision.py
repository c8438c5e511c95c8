"""The revision of the running suite, and a digest of its code that measures."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

from perceptron.errors import UserError
from perceptron.records.code_digest import code_digest

VARIABLE = "PERCEPTRON_COMMIT"
# As git abbreviates a commit, or as `revision` returns it, or a tag.
_COMMIT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_NOT_RESULTS = ":(exclude)results"
# Code that can change a number: problems, backends, timing, and the plans, which decide which
# backends and sizes share a process, and in which order. Code that reads numbers cannot.
MEASURING = (
    "backends",
    "records/grouping.py",
    "machine.py",
    "measure",
    "problems",
    "processes",
    "questions/shared",
    "untrusted_text.py",
)


def revision() -> str | None:
    """Return the commit of the checkout that this package runs from; None if there is none.

    Changed code adds ``-dirty-`` and a digest of the changes, so that two states of work
    differ. Changes under results/ do not count: a run writes there. ``PERCEPTRON_COMMIT`` is the
    commit of code that was copied without its history; in a checkout git answers, which sees
    changes. Raises `UserError` if the variable holds no commit.
    """
    checkout = Path(__file__).parents[2]
    stated = os.environ.get(VARIABLE, "") or None
    if stated and not _COMMIT.fullmatch(stated):
        raise UserError(
            f"{VARIABLE}: not a commit: {stated[:80]!r}: give what `git rev-parse --short=12 HEAD` "
            "prints where the code comes from, or leave the variable out"
        )
    if not (checkout / ".git").exists():
        return stated
    commit = _git(checkout, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return stated
    changes = _changes(checkout)
    if not changes:
        return commit.decode()
    return f"{commit.decode()}-dirty-{hashlib.sha256(changes).hexdigest()[:8]}"


@lru_cache(maxsize=1)  # it takes a tenth of a second
def measuring_code() -> str | None:
    """Return the digest of the code that measures, which a wheel has too; see `code_digest`.

    None where the sources are missing, as in a package of compiled files only.
    """
    try:
        return code_digest(Path(__file__).parents[1], MEASURING)
    except OSError:
        return None


def _changes(checkout: Path) -> bytes:
    """Return the difference from the commit: the diff of files, and new files of code.

    Other new files, such as notes and logs, cannot change a result.
    """
    changes = [_git(checkout, "diff", "HEAD", "--", ".", _NOT_RESULTS) or b""]
    listed = ("ls-files", "-z", "--others", "--exclude-standard", "--", "*.py", _NOT_RESULTS)
    for name in (_git(checkout, *listed) or b"").split(b"\0"):
        changes.append(name)
        with contextlib.suppress(OSError):
            changes.append((checkout / os.fsdecode(name)).read_bytes())
    return b"".join(changes)


def _git(checkout: Path, *arguments: str) -> bytes | None:
    """Return git's output, or None; as bytes, because file names may have any encoding."""
    try:
        process = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # no git here, or nothing committed yet
    return process.stdout.strip()
