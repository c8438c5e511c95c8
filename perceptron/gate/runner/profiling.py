"""Which functions, compiled ones too, execute what a benchmark does. Part of the program: standard
library only."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

Job = dict[str, Any]


class Profiled:
    """Has valgrind write down what a benchmark executes, unless that would take too long."""

    def __init__(
        self, counting: Any, counter: Any, longest_seconds: float, seed: Callable[[], object]
    ) -> None:
        self._counting = counting
        self._counter = counter
        self._longest_seconds = longest_seconds
        self._seed = seed

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Return the name of the file and its number of calls. Raises `counting.CannotCount`."""
        del warm_up, task  # what warms it up follows from what it executes
        if batches.elsewhere:
            raise self._counting.CannotCount("it runs in a process of its own")
        file, calls = self._counting.profile_calls(
            batches, self._counter, self._longest_seconds, self._seed
        )
        return {"dump": os.path.basename(file), "calls": calls}
