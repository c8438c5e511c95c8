"""Results of record: those in the repository's history, as opposed to a user's own results.

Both lie under results/, so that the dashboard shows a user's machine beside the published ones.
The README, the docs and the tests must not depend on results that somebody measured since.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def export(checkout: Path, folder: Path) -> Path:
    """Copy the tracked files of ``checkout``/results, as they are now, into ``folder``/results.

    Outside a git checkout (a source distribution) everything under results/ is of record. Return
    the copy, an empty folder if there is nothing.
    """
    target = folder / "results"
    target.mkdir(parents=True)
    for name in tracked(checkout):
        source = checkout / name
        if source.is_file():  # a tracked file may have been deleted since
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return target


def tracked(checkout: Path) -> list[str]:
    """Return the files of record under results/, relative to the checkout."""
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "ls-files", "-z", "--", "results"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return listed.rstrip("\0").split("\0") if listed else []
    files = (checkout / "results").rglob("*")
    return [file.relative_to(checkout).as_posix() for file in files if file.is_file()]
