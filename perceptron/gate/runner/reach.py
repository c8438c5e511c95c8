"""Which of some files a benchmark runs functions of. Part of the program: standard library only.

A profiler's hook is told of every call of a Python function, in every thread. What is called while
modules are imported is kept apart, and so is what a setup calls: both may change what is measured
without being in it.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any

Job = dict[str, Any]
_FOREVER = 1e6
_INSTALLED = ("site-packages", "dist-packages")
# Files of the standard library, and of joblib, whose functions start processes; nobody sees what
# these run.
_ELSEWHERE = ""
_PARTS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


class Reached:
    """Tells which of the files in ``job["changed"]`` one call of a benchmark runs functions of.

    It listens from its creation on. After ``job["look_seconds"]`` of a call it answers by ``send``
    what it knows, and ends the process.
    """

    any_type = True
    """Whether benchmarks that are no times are looked at too."""

    def __init__(self, job: Job, send: Callable[..., object]) -> None:
        self._roots = [*job["roots"], job["tree"]]
        self._changed = frozenset(job["changed"])
        self._seconds = job["look_seconds"]
        self._send = send
        self._names: dict[str, str | None] = {}
        self._importing = 0
        self._imported: set[str] = set()
        self._called: set[str] = set()
        self._hook = self._note
        self._listen()

    def begin(self) -> None:
        """Forget what was called before this benchmark's setup."""
        self._called = set()
        self._listen()

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Return the fields of a reading: ``reached``, and the ``reason`` why it may be more."""
        del warm_up
        if batches.elsewhere:
            return {"reached": [], "reason": "it runs in a process of its own"}
        batches.refresh()
        prepared, self._called = self._called, set()
        answering = threading.Lock()

        def give_up() -> None:
            if answering.acquire(blocking=False):
                seen = f"only {self._seconds:g} s of its call were looked at"
                fields = self._fields(prepared, seen)
                self._send(kind="reading", key=task["key"], status="ok", **fields)
                os._exit(0)

        watchdog = threading.Timer(self._seconds, give_up)
        watchdog.daemon = True
        watchdog.start()
        batches.call()
        if not answering.acquire(blocking=False):
            time.sleep(_FOREVER)  # the answer is on its way, and then the end
        watchdog.cancel()
        lost = None if sys.getprofile() == self._hook else "it listens to calls itself"
        return self._fields(prepared, lost)

    def _listen(self) -> None:
        threading.setprofile(self._hook)
        sys.setprofile(self._hook)

    def _fields(self, prepared: set[str], lost: str | None) -> Job:
        called, imported = set(self._called), set(self._imported)
        reached = sorted(called - {_ELSEWHERE})
        reason = lost
        if reached:
            reason = None
        elif _ELSEWHERE in called | prepared:
            reason = "it starts other processes"
        elif prepared:
            reason = f"its setup runs code of {min(prepared)}"
        elif imported - {_ELSEWHERE}:
            reason = f"importing runs code of {min(imported - {_ELSEWHERE})}"
        return {"reached": reached, "reason": reason}

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            code = frame.f_code
            if not code.co_flags & inspect.CO_OPTIMIZED:  # a module, or a class's body
                self._importing += code.co_name == "<module>"
                return
            try:
                name = self._names[code.co_filename]
            except KeyError:
                name = self._names[code.co_filename] = self._named(code)
            if name is None:
                return
            if not self._importing:
                self._called.add(name)
            elif code.co_name not in _PARTS:
                self._imported.add(name)
        elif event == "return" and frame.f_code.co_name == "<module>":
            self._importing -= 1

    def _named(self, code: CodeType) -> str | None:
        """Return the changed file that this is code of; None for any other."""
        folder, name = os.path.split(code.co_filename)
        if name == "subprocess.py" or name.startswith("popen_"):
            return _ELSEWHERE
        path = below(os.path.join(os.path.realpath(folder), name), self._roots)
        return path if path in self._changed else None


def below(file: str, roots: Sequence[str]) -> str | None:
    """Return the path of a file below the folder that it was imported from; None elsewhere."""
    for root in roots:
        start = os.path.realpath(root) + os.sep
        if file.startswith(start):
            return file[len(start) :].replace(os.sep, "/")
    parts = file.split(os.sep)
    for installed in _INSTALLED:
        if installed in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(installed) :])
    return None
