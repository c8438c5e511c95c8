"""The runs of a results folder, without their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.store import Run, load_plan


class StoredRun(Struct, frozen=True):
    """A run and the folder that it lies in."""

    folder: Path
    run: Run


def stored_runs(results: Path, complain: Callable[[str], None]) -> list[StoredRun]:
    """All runs, the newest first; a folder that is none is told to ``complain``."""
    found = []
    for file in sorted(results.glob("runs/*/*/run.json")):
        try:
            found.append(StoredRun(file.parent, load_plan(file.parent)))
        except UserError as error:
            complain(str(error))
    return sorted(found, key=lambda each: (each.run.started, each.folder.name), reverse=True)
