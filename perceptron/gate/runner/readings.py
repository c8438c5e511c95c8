"""What makes a reading of one benchmark: a clock or a counter. Part of the program: standard
library only.

A suite hands over the `timing.Batches` of a benchmark and gets the fields of a `Reading` back, so
that every kind of suite is measured in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Job = dict[str, Any]


class Timed:
    """Times a benchmark. Modules are handed over: nothing is imported by name here."""

    def __init__(self, timing: Any, waiting: Any) -> None:
        self._timing = timing
        self._waiting = waiting

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Calibrate it, or take the samples that the task asks for after seconds of ``warm_up``."""
        timing, waiting = self._timing, self._waiting
        if not task.get("calls"):
            with waiting.waiting_meter() as meter:
                (calls, seconds, waited), idle = timing.idle_share(
                    lambda: timing.calibrate(batches, meter=meter), meter
                )
            return {"calls": calls, "call_seconds": seconds, "idle": idle, "waited": waited}
        measured = timing.measure(
            batches,
            task["calls"],
            task["batches"],
            max(0.0, warm_up),
            spare=task["spare"],
            limit=waiting.LARGEST_WAITED_SHARE,
            meter=waiting.waiting_meter,
        )
        value = timing.lower_quartile(measured.samples)
        return {"calls": task["calls"], "value": value, **measured._asdict()}


class Counted:
    """Counts what a benchmark executes, unless that is foreseen to take too long."""

    def __init__(
        self, counting: Any, counter: Any, longest_seconds: float, seed: Callable[[], object]
    ) -> None:
        self._counting = counting
        self._counter = counter
        self._longest_seconds = longest_seconds
        self._seed = seed

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Count it. Raises `counting.CannotCount`."""
        del warm_up, task  # what warms it up is counted too
        if batches.elsewhere:
            raise self._counting.CannotCount("it runs in a process of its own")
        instructions = self._counting.count_calls(
            batches, self._counter, self._longest_seconds, self._seed
        )
        return {"instructions": instructions}
