"""What a suite tells of the tasks it runs. Part of the program: standard library only."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Job = dict[str, Any]


class Reading:
    """The ``fields`` of a reading while it is made; ``imported`` seconds are not its own."""

    def __init__(self) -> None:
        self.fields: Job = {}
        self.imported = 0.0
        self._begin = time.perf_counter()

    def begin(self) -> None:
        """Leave out what passed so far."""
        self._begin = time.perf_counter()

    def wall_seconds(self) -> float:
        """Return what passed since, without imports."""
        return time.perf_counter() - self._begin - self.imported


class Session:
    """One process's tasks: of one ``kind``, each ``measured`` in the same way.

    ``seed`` makes random numbers be drawn alike in all arms, for each ``purpose`` others;
    ``refusals`` are exceptions whose
    message is the reason why a benchmark is left out. With ``forks`` each task runs in a child.
    """

    def __init__(
        self,
        kind: str,
        measured: Any,
        seed: Callable[..., object],
        send: Callable[..., object],
        refusals: tuple[type[Exception], ...],
        forks: Any = None,
    ) -> None:
        self.kind = kind
        self.measured = measured
        self.seed = seed
        self._send = send
        self._refusals = refusals
        self._forks = forks
        self._answered = False

    @property
    def forking(self) -> bool:
        """Whether each task runs in a child; not in that child."""
        return self._forks is not None

    def in_turn(self, tasks: list[Job]) -> Iterable[Job]:
        """Return the tasks in the order in which they are run."""
        return tasks if self._forks is None else self._forks.in_turn(tasks)

    def hand_over(self, task: Job) -> bool:
        """Have a child run a task that is loaded; return whether it has answered.

        Whoever gets False runs it: the child itself, which ends with its reading, or this process
        if there are no children.
        """
        if self._forks is None:
            return False
        self._answered = self._forks.run(task)
        if not self._answered:
            self._forks, self._send = None, self._forks.give
        return self._answered

    def start(self, task: Job) -> None:
        """Say that the task is begun: it is blamed if the process ends."""
        self._send(kind="start", key=task["key"])

    def loaded(self, task: Job) -> None:
        """Say that it is imported: from here on it is its own time that passes."""
        self._send(kind="loaded", key=task["key"])

    @contextmanager
    def reading(self, task: Job) -> Iterator[Reading]:
        """Send the reading that is made meanwhile, if no child has given it.

        Whatever goes wrong becomes its answer.
        """
        reading = Reading()
        self._answered = False
        try:
            yield reading
        except Exception as error:  # noqa: BLE001 a benchmark's mistake costs it this row only
            reading.fields.update(self.failure(error))
        except BaseException as error:  # noqa: BLE001 as SystemExit, or pytest's skip
            reason = "it ended the process: " + one_line(error)
            reading.fields.update(status="failed", reason=reason)
        if not self._answered:
            seconds = reading.wall_seconds()
            self._send(kind="reading", key=task["key"], **reading.fields, wall_seconds=seconds)

    def refusal(self, error: BaseException) -> str | None:
        """Return why a benchmark is left out, None if this is another exception."""
        return str(error) if isinstance(error, self._refusals) else None

    def failure(self, error: BaseException) -> Job:
        """Return the fields of a reading that an exception ended."""
        refusal = self.refusal(error)
        if refusal is not None:
            return {"status": "skipped", "reason": refusal}
        traceback.print_exception(type(error), error, error.__traceback__)
        skipped = isinstance(error, NotImplementedError)
        return {"status": "skipped" if skipped else "failed", "reason": one_line(error)}


def one_line(error: BaseException) -> str:
    """Return the exception's name and message, shortened."""
    return " ".join((type(error).__name__ + ": " + str(error)).split())[:300]
