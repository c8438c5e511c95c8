"""What a study did not begin because it would have taken longer than there was time for."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from perceptron.analysis.trust import left_out_warning
from perceptron.records.warning import MeasurementWarning

if TYPE_CHECKING:
    from perceptron.studies.shared.task import Key, Task


class LeftOut:
    """Tasks that did not fit into what was left, with what they were expected to take."""

    def __init__(self) -> None:
        self._reasons: dict[Key, str] = {}

    def note(self, tasks: Iterable[Task], seconds: float, left: float) -> None:
        """Keep that these, which take so many seconds together, did not fit into what was left.

        What was kept of them stays: there was more time then.
        """
        reason = f"takes about {_rounded(seconds)} s, and {_rounded(left)} s were left"
        for task in tasks:
            self._reasons.setdefault(task.key, reason)

    def note_unfinished(self, task: Task, seconds: float) -> None:
        """Keep that a task was begun after all and did not end in the seconds that were left."""
        self._reasons[task.key] = f"did not end in the {_rounded(seconds)} s that were left"

    def reason(self, task: Task) -> str | None:
        """Return why there was no time for a task, None if that is not known."""
        return self._reasons.get(task.key)

    def warnings(self, measured: Container[Key]) -> list[MeasurementWarning]:
        """Return one warning about all that has not been ``measured``, if there is such."""
        missing: dict[tuple[str | None, str], list[str]] = {}
        for key, reason in self._reasons.items():
            if key not in measured:
                problem, backend, *_ = key
                missing.setdefault((problem, reason), []).append(backend)
        words = [
            f"{problem} on {', '.join(backends)} {reason}"
            for (problem, reason), backends in missing.items()
        ]
        return [left_out_warning(words)] if words else []


def _rounded(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
