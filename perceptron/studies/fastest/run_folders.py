"""Which run folders have changed since they were read: each is read once, until it does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path


def changed_runs(results: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the runs of a results folder that are new or have changed since they were read.

    Each with what tells that: size and time of the file that holds its rows.
    """
    found = {}
    for machine in _folders(_runs_of(results)):
        for run in _folders(machine):
            with suppress(OSError):
                stat = os.stat(os.path.join(run, "measurements.jsonl"))
                stamp = f"{stat.st_size}-{stat.st_mtime_ns}"
                if known.get(run) != stamp:
                    found[run] = stamp
    return found


def removed_runs(results: Path, known: Iterable[str]) -> list[str]:
    """Return the runs of a results folder that were read, and whose rows are not there any more."""
    begin = os.path.join(_runs_of(results), "")
    own = (run for run in known if run.startswith(begin))
    return [run for run in own if not os.path.exists(os.path.join(run, "measurements.jsonl"))]


def _runs_of(results: Path) -> str:
    return os.path.join(os.path.abspath(results), "runs")


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []
