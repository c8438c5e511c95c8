"""Which revision of the suite is running."""

from __future__ import annotations

import subprocess
from pathlib import Path


def revision() -> str | None:
    """The commit of the checkout this package runs from, ``-dirty`` if changed; else None.

    Changes under results/ do not count: a run writes there.
    """
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return None
    changes = _git(checkout, "status", "--porcelain", "--", ".", ":(exclude)results")
    return f"{commit}-dirty" if changes else commit


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # no git here, or nothing committed yet
    return answer.stdout.strip()
