"""Which revision of the suite is running."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from pathlib import Path

_CODE = ("--", ".", ":(exclude)results")


def revision() -> str | None:
    """The commit of the checkout this package runs from, or None if it is none.

    Changed code adds ``-dirty-`` and a digest of the changes, so that two states of work are told
    apart. Changes under results/ do not count: a run writes there.
    """
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return None
    changes = _git(checkout, "status", "--porcelain", *_CODE)
    return f"{commit}-dirty-{_digest(checkout)}" if changes else commit


def _digest(checkout: Path) -> str:
    digest = hashlib.sha256((_git(checkout, "diff", "HEAD", *_CODE) or "").encode())
    new = _git(checkout, "ls-files", "--others", "--exclude-standard", *_CODE) or ""
    for name in new.splitlines():
        digest.update(name.encode())
        with contextlib.suppress(OSError):
            digest.update((checkout / name).read_bytes())
    return digest.hexdigest()[:8]


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # no git here, or nothing committed yet
    return answer.stdout.strip()
