"""The contents of a folder before any code in it runs, to detect later writes.

Code of one revision has the permission to write into the tree of the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

# Folders of git, and of an interpreter's bytecode beside modules.
_SKIPPED = frozenset({".git", "__pycache__"})


@dataclass(frozen=True)
class Snapshot:
    """The files and links of a folder, by their paths in it; the folder may be moved later.

    The facts include the time of a file's last status change: no program can set it, so it reveals
    a file that was changed and restored. Another link to a file changes it as well, so it is left
    out where files are ``linked``, as by uv.
    """

    facts: Mapping[str, tuple[int, ...]]
    linked: bool

    def renewed(self, folder: Path, names: Iterable[str]) -> Snapshot:
        """Return a copy with current facts of these files, after the gate has set their times."""
        now = {name: _facts(folder / name, self.linked) for name in names if name in self.facts}
        return replace(self, facts={**self.facts, **now})

    def written(self, folder: Path) -> str | None:
        """Return the first file that was written to, replaced or removed since, if any."""
        for name, facts in self.facts.items():
            if _facts(folder / name, self.linked) != facts:
                return name
        return None


def snapshot(folder: Path, linked: bool = False) -> Snapshot:
    """Return a snapshot of the folder."""
    return Snapshot(
        {name: _facts(folder / name, linked) for name in sorted(_names(folder))}, linked
    )


def _names(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in (*files, *links):
            if name not in _SKIPPED:
                yield os.path.relpath(os.path.join(parent, name), folder)


def _facts(file: Path, linked: bool) -> tuple[int, ...]:
    try:
        status = file.lstat()
    except OSError:
        return ()
    changed = 0 if linked else status.st_ctime_ns
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, changed
