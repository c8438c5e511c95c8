"""Bytecodes that a call executes, by function.

The interpreter counts them, so that a loop with more iterations shows in its function even if no
function is called more often. Only the calling thread is counted, and no compiled code.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from ...processes.timed_loop import uncollected
from .session import Job, Refused
from .timing import Batches

# Calls before counting starts: they fill caches.
_WARM_UP = 3
# Counting repeats until two counts agree, at most this often.
_MOST_COUNTS = 4
# More would take more than a few seconds: 0.11 s a million.
MOST_BYTECODES = 30_000_000
# A function checks the limit once in this many bytecodes, less one; a power of two.
_SELDOM = 0xFFFF
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_SET_TRACE: Callable[[Any], None] = sys.settrace
_INSTALLED = ("site-packages", "dist-packages")


class Function:
    """A function, and its own count in the traced calls, without the functions it calls."""

    __slots__ = ("_limit", "bytecodes", "calls", "code", "local")

    def __init__(self, code: types.CodeType, limit: Callable[[], object]) -> None:
        self.code = code
        self.bytecodes = 0
        self.calls = 0
        self._limit = limit
        self.local = self._trace

    def _trace(self, _frame: Any, event: str, _argument: Any) -> Any:
        if event == "opcode":
            self.bytecodes += 1
            if not self.bytecodes & _SELDOM:
                self._limit()
        return self.local


class Tracer:
    """Counts the bytecodes of calls of this thread."""

    def __init__(self) -> None:
        self._bytecodes = 0
        self.overflown = False
        """Whether there was too much to count: then the rest ran uncounted."""
        self._functions: dict[int, Function] = {}

    @property
    def functions(self) -> list[Function]:
        """Called functions, in the order of their first calls."""
        return list(self._functions.values())

    def run(self, call: Callable[[], object], calls: int) -> None:
        """Count ``calls`` calls. An earlier tracer is restored afterwards."""
        before: Any = sys.gettrace()
        trace: Any = self._on_call
        _SET_TRACE(trace)
        try:
            for _ in range(calls):
                call()
        finally:
            _SET_TRACE(before)

    def _on_call(self, frame: Any, _event: str, _argument: Any) -> Any:
        """Trace calls: Python calls this for each call, and a function's own tracer for each
        bytecode."""
        code = frame.f_code
        if code.co_filename.startswith(_HERE):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        # By id: codes of equal content are equal, even in different places.
        function = self._functions.get(id(code))
        if function is None:
            function = self._functions[id(code)] = Function(code, self._count_many)
        function.calls += 1
        return function.local

    def _count_many(self) -> None:
        self._bytecodes += _SELDOM + 1
        if self._bytecodes > MOST_BYTECODES:
            self.overflown = True
            _SET_TRACE(None)


def trace_calls(batches: Batches, roots: Sequence[str], seed: Callable[[], object]) -> Job:
    """Return the ``functions``: of each its name, file and line, its own count in one call of the
    benchmark, and its calls; and whether two calls in a row gave the same counts (``repeats``).

    Paths are relative to ``roots``; ``seed`` makes each call draw the same. Raises `Refused`.
    """
    calls = batches.step or 1
    previous: list[tuple[int, int]] = []
    with uncollected():
        for _ in range(_WARM_UP):
            batches.run(calls)
        for _ in range(_MOST_COUNTS):
            tracer = Tracer()
            seed()
            batches.refresh()
            tracer.run(batches.call, calls)
            if tracer.overflown:
                raise Refused("one call of it is too long to be traced")
            counted = [(function.bytecodes, function.calls) for function in tracer.functions]
            repeats = counted == previous
            if repeats:
                break
            previous = counted
    return {"repeats": repeats, "functions": _rows(tracer.functions, calls, roots)}


def _rows(functions: list[Function], calls: int, roots: Sequence[str]) -> list[list[Any]]:
    real_roots = [os.path.realpath(root) + os.sep for root in roots]
    rows = []
    for function in functions:
        code = function.code
        name = getattr(code, "co_qualname", code.co_name)  # before 3.11, without its class
        shown = _sendable(name), _sendable(_shown(code.co_filename, real_roots))
        rows.append(
            [*shown, code.co_firstlineno, function.bytecodes / calls, function.calls / calls]
        )
    return rows


def _sendable(text: str) -> str:
    """Return the text without characters that another process could not read."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _shown(file: str, roots: Sequence[str]) -> str:
    """Return the path that both sides share: relative to its tree, or to its installation."""
    if file.startswith("<"):
        return file
    real = os.path.realpath(file)
    parts = real.split(os.sep)
    for installed in _INSTALLED:
        if installed in parts:
            last = len(parts) - 1 - parts[::-1].index(installed)
            return "/".join(parts[last + 1 :])
    standard = os.path.dirname(os.path.realpath(os.__file__)) + os.sep
    for root in (*roots, standard):
        if real.startswith(root):
            return real[len(root) :].replace(os.sep, "/")
    return parts[-1]
