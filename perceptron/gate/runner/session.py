"""What a suite tells of the tasks it runs."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Job = dict[str, Any]
Measured = Callable[[Any, float, Job], Job]
"""Returns the fields of a measurement of batches, by seconds to warm up and the task."""


class Refused(Exception):
    """A benchmark, or all of them, cannot be measured; the message says why, in one line.

    What is ``untried`` ought to have been judged, other than what is ``skipped``.
    """

    def __init__(self, reason: str, status: str = "skipped") -> None:
        super().__init__(reason)
        self.status = status


class Measuring:
    """The ``fields`` of a measurement while it is made, and since when."""

    def __init__(self) -> None:
        self.fields: Job = {}
        self._begin = time.perf_counter()

    def begin(self) -> None:
        """Leave out what passed so far."""
        self._begin = time.perf_counter()

    def wall_seconds(self) -> float:
        """Return what passed since."""
        return time.perf_counter() - self._begin


class Session:
    """One process's tasks: of one ``kind``, each ``measured`` in the same way.

    ``seed`` makes random numbers be drawn alike in all sides, for each ``purpose`` others.
    """

    forking = False
    """Whether each task runs in a child."""

    def __init__(
        self, kind: str, measured: Measured, seed: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        self.kind = kind
        self.measured = measured
        self.seed = seed
        self._send = send
        self._answered = False

    def modules(self) -> list[Any]:
        """Return what children alone imported."""
        return []

    def hand_over(self, _task: Job) -> bool:
        """Have a child run a task that is loaded; return whether it has answered.

        Whoever gets False runs it: the child itself, which ends with its measurement, or this
        process if there are no children.
        """
        return False

    def start(self, task: Job) -> None:
        """Say that the task is begun: it is blamed if the process ends."""
        self._send(kind="start", key=task["key"])

    def loaded(self, task: Job) -> None:
        """Say that it is imported: from here on it is its own time that passes."""
        self._send(kind="loaded", key=task["key"])

    @contextmanager
    def measurement(self, task: Job) -> Iterator[Measuring]:
        """Send the measurement that is made meanwhile, if no child has given it.

        Whatever goes wrong becomes its answer.
        """
        measurement = Measuring()
        self._answered = False
        try:
            yield measurement
        except Refused as refusal:
            measurement.fields.update(status=refusal.status, reason=str(refusal))
        except Exception as error:  # noqa: BLE001 a benchmark's mistake costs it this row only
            traceback.print_exception(type(error), error, error.__traceback__)
            status = "skipped" if isinstance(error, NotImplementedError) else "failed"
            measurement.fields.update(status=status, reason=one_line(error))
        except BaseException as error:  # noqa: BLE001 as SystemExit, or pytest's skip
            measurement.fields.update(status="failed", reason=ended_by(error))
        if not self._answered:
            seconds = measurement.wall_seconds()
            self._send(
                kind="measurement", key=task["key"], **measurement.fields, wall_seconds=seconds
            )


def one_line(error: BaseException) -> str:
    """Return the exception's name and message, shortened."""
    return on_one_line(f"{type(error).__name__}: {error}")


def on_one_line(text: str) -> str:
    """Return the text, shortened."""
    return " ".join(text.split())[:300]


def ended_by(error: BaseException) -> str:
    """Return the reason of what an exception has ended that no test is to raise."""
    return "it ended the process: " + one_line(error)
