"""Answers of a suite's tasks, run in one process or in a child for each task.

A child is forked once the task's module is imported. Modules are imported once, however slow that
is under valgrind: large libraries that a task imports itself are imported for all later tasks.
Otherwise every task starts from the same state, whatever ran before it, and a task that hangs or
crashes costs only itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any, NoReturn

Job = dict[str, Any]
Measured = Callable[[Any, float, Job], Job]
"""Returns the fields of a measurement of batches, by seconds to warm up and the task."""
# A task may take this many equal shares of the time left for all tasks, and at least this many
# seconds: otherwise a slow task at the head of a long suite would use the time of hundreds.
_SHARES, _LEAST_SECONDS = 8.0, 10.0
# This many modules imported by a task are a library, such as torch, that others import too. A time
# limit would not do: all sides must import it, or none. Of torch and pandas 3% is imported by then.
_LIBRARY = 20
# The time limit restarts after this many modules: under valgrind importing a library takes longer
# than a benchmark may.
_PROGRESS = 10
_FAILED = 3
# Bytes to which children's lines are padded.
_PAGE = 4096


class Refused(Exception):
    """A benchmark, or all of them, cannot be measured; the message gives the reason, in one line.

    ``untried`` benchmarks should have been judged; ``skipped`` ones not.
    """

    def __init__(self, reason: str, status: str = "skipped") -> None:
        super().__init__(reason)
        self.status = status


class Session:
    """The tasks of a process: of the same ``kind``, each ``measured`` in the same way.

    ``seed`` makes all sides draw the same random numbers, different ones for each ``purpose``.
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
        self._began = 0.0

    def modules(self) -> list[Any]:
        """Return the modules that only children imported."""
        return []

    def hand_over(self, _task: Job) -> bool:
        """Have a child run a loaded task; return whether it has answered.

        After False, the caller runs the task: in the child, which ends with its measurement, or in
        this process if there are no children.
        """
        return False

    def start(self, task: Job) -> None:
        """Report the task as begun: it is blamed if the process ends."""
        self._send(kind="start", key=task["key"])

    def loaded(self, task: Job) -> None:
        """Report the task as imported: from here on its own time limit applies."""
        self._send(kind="loaded", key=task["key"])

    def begin(self) -> None:
        """Start the measurement's clock."""
        self._began = time.perf_counter()

    def wall_seconds(self) -> float:
        """Return the seconds since `begin`."""
        return time.perf_counter() - self._began

    @contextmanager
    def measurement(self, task: Job) -> Iterator[Job]:
        """Send the measurement with the fields that the block fills in, unless a child has sent it.

        An exception becomes the answer.
        """
        fields: Job = {}
        self._answered = False
        self.begin()
        try:
            yield fields
        except Refused as refusal:
            fields.update(status=refusal.status, reason=str(refusal))
        except Exception as error:  # noqa: BLE001 a benchmark's mistake costs it this row only
            traceback.print_exception(type(error), error, error.__traceback__)
            status = "skipped" if isinstance(error, NotImplementedError) else "failed"
            fields.update(status=status, reason=one_line(error))
        except BaseException as error:  # noqa: BLE001 as SystemExit, or pytest's skip
            fields.update(status="failed", reason=ended_by(error))
        if not self._answered:
            seconds = self.wall_seconds()
            self._send(kind="measurement", key=task["key"], **fields, wall_seconds=seconds)


class ForkingSession(Session):
    """Forks a child for each of ``tasks`` tasks: all have until ``end``, each ``longest`` seconds.

    ``out`` is the pipe to which answers are written. The children are of this process's group, and
    end with it.
    """

    forking = True

    def __init__(self, end: float, longest: float, out: int, tasks: int, *session: Any) -> None:
        super().__init__(*session)
        self._end = end
        self._longest = longest
        self._out = out
        self._left = tasks
        self._pipe: int | None = None
        self._imported: set[str] = set()
        self._known: set[str] = set()
        self._lines: list[bytes] = []

    def modules(self) -> list[SimpleNamespace]:
        """Return the children's imports: objects with a name and a file, as modules have."""
        files: dict[str, str] = {}
        for line in self._lines:
            files.update(json.loads(line)["files"])
        return [SimpleNamespace(__name__=name, __file__=file) for name, file in files.items()]

    def hand_over(self, task: Job) -> bool:
        """Return True once a child, or this process for it, has answered; False in the child.

        This process keeps nothing that depends on time, not even in size: children must have the
        same memory layout in all sides.
        """
        share = _SHARES * (self._end - time.monotonic()) / max(1, self._left)
        limit = min(self._longest, max(_LEAST_SECONDS, share))
        self._left -= 1
        alive = partial(self.loaded, task)
        library: list[str] = [""]
        while library:
            reading, writing = os.pipe()
            gc.freeze()  # so that no child collects the parent's imports
            child = _fork()
            if child == 0:
                os.close(reading)
                self._pipe = writing
                self._imported = set(sys.modules)
                sys.meta_path.insert(0, _Progress(self._known, self._tell))
                self._send = self._give
                return False
            os.close(writing)
            line = _read(reading, limit, self._end, alive)
            os.close(reading)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            library = []
            if line is not None and line.endswith(b"\n"):
                library = json.loads(line).get("library", [])
            if library:
                self._go_on_with(library, limit, alive)
        if line is None:
            reason = f"no answer within {limit:.0f} s"
            self._send(
                kind="measurement",
                key=task["key"],
                status="slow",
                reason=reason,
                wall_seconds=limit,
            )
        elif not line.endswith(b"\n"):
            code = os.waitstatus_to_exitcode(status)
            reason = f"its process exited with {code}"
            if code < 0:
                reason = f"its process was ended by {signal.Signals(-code).name}"
            self._send(kind="measurement", key=task["key"], status="failed", reason=reason)
        else:
            self._lines.append(line)
            os.write(self._out, line)
        self._answered = True
        return True

    def _give(self, kind: str, **fields: Any) -> None:
        """Send a measurement to the parent and end this child; ignore other answers."""
        if kind != "measurement":
            return
        assert self._pipe is not None
        files = {}
        for name, module in list(sys.modules.items()):
            facts = getattr(module, "__dict__", {})
            file = facts.get("__file__")
            # This program is not an import: multiprocessing gives it a second name.
            if name in self._imported or facts.get("__name__") == "__main__":
                continue
            if isinstance(file, str):
                files[name] = file
        self._answer({"kind": kind, **fields, "files": files})

    def _tell(self, names: list[str]) -> None:
        """Report progress of imports; if there are many, send the parent their names and end.

        The parent then imports them once for all tasks, instead of each child.
        """
        assert self._pipe is not None
        if len(names) >= _LIBRARY:
            self._answer({"library": names})
        os.write(self._pipe, b"\n")

    def _answer(self, content: Job) -> None:
        """Write the content to the parent, and end."""
        assert self._pipe is not None
        line = json.dumps(content)
        with os.fdopen(self._pipe, "w") as pipe:
            pipe.write(line.ljust(-(-len(line) // _PAGE) * _PAGE) + "\n")
        os.kill(os.getpid(), signal.SIGKILL)  # otherwise valgrind writes its results once more

    def _go_on_with(self, names: list[str], limit: float, alive: Callable[[], None]) -> None:
        """Import these in a fork that continues in place of this process, if it survives the
        imports."""
        self._known.update(names)
        reading, writing = os.pipe()
        child = _fork()
        if child == 0:
            os.close(reading)
            progress = _Progress(self._known, lambda _: os.write(writing, b"\n"))
            sys.meta_path.insert(0, progress)
            for name in names:
                with suppress(Exception, SystemExit):
                    importlib.import_module(name)
            sys.meta_path.remove(progress)
            os.write(writing, b"imported\n")
            os.close(writing)
            return
        os.close(writing)
        if _read(reading, limit, self._end, alive):
            end_as(child)
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def one_line(error: BaseException) -> str:
    """Return the exception's name and message, shortened."""
    return on_one_line(f"{type(error).__name__}: {error}")


def on_one_line(text: str) -> str:
    """Return the text, shortened."""
    return " ".join(text.split())[:300]


def ended_by(error: BaseException) -> str:
    """Return the reason for an end by an exception that tests should not raise."""
    return "it ended the process: " + one_line(error)


def end_as(child: int) -> NoReturn:
    """Wait for a child and end as it does."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else _FAILED)


def _fork() -> int:
    """Fork a child that draws the same numbers as this process would have."""
    draws = random.getstate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the other thread only waits for the input to end
        child = os.fork()
    if child == 0:
        random.setstate(draws)  # Python has drawn another one for the child
    return child


class _Progress:
    """A finder that reports progress after every few module names, and finds nothing."""

    def __init__(self, loaded: Collection[str], tell: Callable[[list[str]], object]) -> None:
        self._loaded = loaded
        self._tell = tell
        self._process = os.getpid()  # forks of a benchmark do not count
        self._names: dict[str, None] = {}  # in their order

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        """Count a name that is new."""
        if name in self._loaded or name in self._names or os.getpid() != self._process:
            return
        self._names[name] = None
        if len(self._names) % _PROGRESS == 0:
            self._tell(list(self._names))


def _read(pipe: int, limit: float, last: float, progress: Callable[[], None]) -> bytes | None:
    """Return a line, or its part before the other end closed; None when the time is over.

    A line has ``limit`` seconds, and as many again after each empty line, which is ``progress``;
    but no longer than until ``last``.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    end = time.monotonic() + limit
    text = b""
    while not text.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            return None
        piece = os.read(pipe, 2**16)
        if not piece:
            break
        text += piece
        while text.startswith(b"\n"):
            text = text[1:]
            end = max(end, min(time.monotonic() + limit, last))
            progress()
    return text
