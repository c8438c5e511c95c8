"""Where coverage does not watch, and what it could not finish writing."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PROCESSES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""Variables by which processes that a test starts are watched too."""


@contextmanager
def unwatched() -> Iterator[None]:
    """Have coverage see neither this process meanwhile nor those that it starts."""
    kept = {name: os.environ.pop(name) for name in PROCESSES if name in os.environ}
    of_process, of_threads = sys.gettrace(), threading.gettrace()
    if kept:  # else the tracer is a debugger's
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        os.environ.update(kept)
        if kept:
            threading.settrace(of_threads)  # type: ignore[arg-type]
            sys.settrace(of_process)


def remove_unfinished(folder: Path) -> None:
    """Remove files of coverage whose processes were killed before they had written anything.

    Coverage would warn of each when it puts all together, and leave it there.
    """
    for file in folder.glob(".coverage.*"):
        if not _is_readable(file):
            file.unlink(missing_ok=True)


def _is_readable(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as data:
            return data.execute("SELECT version FROM coverage_schema").fetchone() is not None
    except sqlite3.Error:
        return False
