"""How long a benchmark imports. Part of the program: standard library only.

A suite that imports its libraries in ``setup`` makes the first benchmark of each process pay for
them. That is a cost of the process, not of the benchmark: what a process costs to start decides how
many benchmarks share one.
"""

from __future__ import annotations

import builtins
import time
from typing import Any


class ImportClock:
    """Counts the ``seconds`` of import statements while it is entered."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False
        self._import = builtins.__import__

    def __enter__(self) -> ImportClock:
        self._import = builtins.__import__
        builtins.__import__ = self._timed
        return self

    def __exit__(self, *_: object) -> None:
        builtins.__import__ = self._import

    def _timed(self, *args: Any, **named: Any) -> Any:
        if self._inside:
            return self._import(*args, **named)
        self._inside = True
        begin = time.perf_counter()
        try:
            return self._import(*args, **named)
        finally:
            self._inside = False
            self.seconds += time.perf_counter() - begin
