"""List the runs of a results folder, without their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.run import Run
from perceptron.records.store import load_plan


class StoredRun(Struct, frozen=True):
    """A run and the folder that it lies in."""

    folder: Path
    run: Run


def stored_runs(results: Path, complain: Callable[[str], None]) -> list[StoredRun]:
    """Return all runs, the newest first; ``complain`` receives a line for each damaged folder."""
    runs = []
    for file in sorted(results.glob("runs/*/*/run.json")):
        try:
            runs.append(StoredRun(file.parent, load_plan(file.parent)))
        except UserError as error:
            complain(str(error))
    return sorted(runs, key=lambda stored: (stored.run.started, stored.folder.name), reverse=True)


def count_rows(results: Path, machine: str = "*") -> int:
    """Return how many rows lie in a folder of results, or those of one machine."""
    files = results.glob(f"runs/{machine}/*/measurements.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files if file.is_file())
