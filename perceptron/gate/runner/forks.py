"""A process of its own for each task, forked once its module is imported.

What is imported is imported once, however slow that is under valgrind: a large library that a task
imports itself, for all tasks after it. Every task starts from the same state but for that, whatever
ran before it; one that hangs or crashes costs itself alone.
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
import warnings
from collections.abc import Collection
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from .session import Job, Session

# A task may take so many equal shares of the time that is left for all, and at least so many
# seconds: or a slow one at the head of a long suite would take what hundreds need.
_SHARES, _LEAST_SECONDS = 8.0, 10.0
# So many modules that a task imports are a library, as torch, that others import too. Seconds would
# not do: all sides must import it, or none.
_LIBRARY = 100
# Bytes that lines of children are filled up to.
_PAGE = 4096


class ForkingSession(Session):
    """Forks a child for each of so many ``tasks``: all have until the ``end``, each ``longest``.

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
        self._lines: list[bytes] = []

    def modules(self) -> list[SimpleNamespace]:
        """Return what children imported: names and files, as modules have them."""
        files: dict[str, str] = {}
        for line in self._lines:
            files.update(json.loads(line)["files"])
        return [SimpleNamespace(__name__=name, __file__=file) for name, file in files.items()]

    def hand_over(self, task: Job) -> bool:
        """Return True once a child has answered, or this process for it; False in that child.

        This process keeps nothing that depends on time, not even in size: children must find memory
        laid out alike in all sides.
        """
        share = _SHARES * (self._end - time.monotonic()) / max(1, self._left)
        limit = min(self._longest, max(_LEAST_SECONDS, share))
        self._left -= 1
        reading, writing = os.pipe()
        gc.freeze()  # so that no child searches what was imported for garbage
        draws = random.getstate()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the other thread only waits for the input to end
            child = os.fork()
        if child == 0:
            os.close(reading)
            self._pipe = writing
            self._imported = set(sys.modules)
            random.setstate(draws)  # Python has drawn another one for the child
            self._send = self._give
            return False
        os.close(writing)
        line = _read(reading, time.monotonic() + limit)
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
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
            _import_library(json.loads(line)["files"])
        self._answered = True
        return True

    def _give(self, kind: str, **fields: Any) -> None:
        """Hand a measurement to the parent and end this child; the parent says all else."""
        if kind != "measurement":
            return
        assert self._pipe is not None
        files = {}
        for name, module in list(sys.modules.items()):
            facts = getattr(module, "__dict__", {})
            file = facts.get("__file__")
            # This program is no import: multiprocessing gives it a second name.
            if name in self._imported or facts.get("__name__") == "__main__":
                continue
            if isinstance(file, str):
                files[name] = file
        line = json.dumps({"kind": kind, **fields, "files": files})
        with os.fdopen(self._pipe, "w") as pipe:
            pipe.write(line.ljust(-(-len(line) // _PAGE) * _PAGE) + "\n")
        os.kill(os.getpid(), signal.SIGKILL)  # else valgrind writes once more what it knows


def _import_library(names: Collection[str]) -> None:
    """Import what a child has imported, in its order, if that is much."""
    if len(names) < _LIBRARY:
        return
    for name in names:
        with suppress(Exception, SystemExit):
            importlib.import_module(name)


def _read(pipe: int, end: float) -> bytes | None:
    """Return a line, or what of it is there when the other end closes; None where time is over."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    text = b""
    while not text.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            return None
        piece = os.read(pipe, 2**16)
        if not piece:
            break
        text += piece
    return text
