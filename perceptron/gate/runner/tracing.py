"""Bytecodes that one call executes, by the function that executes them.

The interpreter counts by itself, so that a loop that turns more often shows where it stands,
although nothing is called more often. Only the thread that calls is counted, and what is compiled
is not. Where there are too many bytecodes, calls of functions are counted instead, compiled ones
too.
"""

from __future__ import annotations

import gc
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from .counting import uncollected
from .session import Job, Refused
from .timing import Batches

# Calls before anything is counted: they fill caches.
_WARM_UP = 3
# It is counted until two counts agree, at most so often.
_MOST_COUNTS = 4
# More take more than a few seconds: 0.11 s a million.
MOST_BYTECODES = 30_000_000
MOST_CALLS = 2_000_000
# A function looks at the limit once in so many bytecodes, less one; a power of two.
_SELDOM = 0xFFFF
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_SET_TRACE: Callable[[Any], None] = sys.settrace
_SET_PROFILE: Callable[[Any], None] = sys.setprofile
_INSTALLED = ("site-packages", "dist-packages")


class Function:
    """A function, and what it counts itself in so many calls, without what it calls.

    ``code`` is its code object, or module and name of a compiled function.
    """

    __slots__ = ("_limit", "calls", "code", "local", "own")

    def __init__(self, code: Any, limit: Callable[[], object]) -> None:
        self.code = code
        self.own = 0
        self.calls = 0
        self._limit = limit
        self.local = self._trace

    def _trace(self, _frame: Any, event: str, _argument: Any) -> Any:
        if event == "opcode":
            self.own += 1
            if not self.own & _SELDOM:
                self._limit()
        return self.local


class Tracer:
    """Counts what the calls of this thread do, of one ``unit``: bytecodes or calls."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._calls = 0
        self._bytecodes = 0
        self.overflown = False
        """Whether there was too much to count: then the rest ran uncounted."""
        self._functions: dict[Any, Function] = {}

    @property
    def functions(self) -> list[Function]:
        """Those that were called, in the order of their first calls."""
        return list(self._functions.values())

    def run(self, call: Callable[[], object], calls: int) -> None:
        """Count so many calls. Who traced or profiled before, does so again afterwards."""
        before: Any
        trace: Any
        if self._unit == "bytecodes":
            before, set_it, trace = sys.gettrace(), _SET_TRACE, self._on_call
        else:
            before, set_it, trace = sys.getprofile(), _SET_PROFILE, self._on_event
        set_it(trace)
        try:
            for _ in range(calls):
                call()
        finally:
            set_it(before)

    def _on_call(self, frame: Any, _event: str, _argument: Any) -> Any:
        """Be the trace function: it hears of each call, and a function's own of each bytecode."""
        code = frame.f_code
        if code.co_filename.startswith(_HERE):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return self._call(code).local

    def _on_event(self, frame: Any, event: str, argument: Any) -> None:
        """Be the profile function: it hears of each call and each return."""
        if event == "call" and not frame.f_code.co_filename.startswith(_HERE):
            self._call(frame.f_code).own += 1
        elif event == "c_call" and argument is not sys.setprofile:
            self._call(_compiled_name(argument)).own += 1

    def _call(self, code: Any) -> Function:
        # Codes of equal content are equal, wherever they stand.
        key = code if isinstance(code, tuple) else id(code)
        function = self._functions.get(key)
        if function is None:
            function = self._functions[key] = Function(code, self._count_many)
        function.calls += 1
        self._calls += 1
        if self._calls > MOST_CALLS:
            self._stop()
        return function

    def _count_many(self) -> None:
        self._bytecodes += _SELDOM + 1
        if self._bytecodes > MOST_BYTECODES:
            self._stop()

    def _stop(self) -> None:
        self.overflown = True
        (_SET_TRACE if self._unit == "bytecodes" else _SET_PROFILE)(None)


def trace_calls(batches: Batches, roots: Sequence[str], seed: Callable[[], object]) -> Job:
    """Return the ``unit`` and the ``functions``: of each its name, file and line, what it counts
    itself in one call of the benchmark, and its calls.

    Paths are relative to ``roots``; ``seed`` makes each call draw the same. Raises `Refused`.
    """
    with uncollected():
        for _ in range(_WARM_UP):
            batches.run(batches.step or 1)
        for unit in ("bytecodes", "calls"):
            functions, repeats = _count(batches, unit, seed)
            if functions is not None:
                told = _told(functions, batches.step or 1, roots)
                return {"unit": unit, "repeats": repeats, "functions": told}
    raise Refused("one call of it is too long to be traced")


def _count(
    batches: Batches, unit: str, seed: Callable[[], object]
) -> tuple[list[Function] | None, bool]:
    """Return the functions, None if there is too much, and whether two counts agreed."""
    previous: list[tuple[int, int]] = []
    for _ in range(_MOST_COUNTS):
        tracer = Tracer(unit)
        seed()
        batches.refresh()
        tracer.run(batches.call, batches.step or 1)
        if tracer.overflown:
            return None, False
        counted = [(own.own, own.calls) for own in tracer.functions]
        if counted == previous:
            return tracer.functions, True
        previous = counted
    return tracer.functions, False


def _told(functions: list[Function], calls: int, roots: Sequence[str]) -> list[list[Any]]:
    names = _qualified_names()
    real_roots = [os.path.realpath(root) + os.sep for root in roots]
    told = []
    for own in functions:
        if isinstance(own.code, tuple):
            (file, name), line = own.code, None
        else:
            name = getattr(own.code, "co_qualname", None) or names.get(own.code, own.code.co_name)
            file, line = _shown(own.code.co_filename, real_roots), own.code.co_firstlineno
        told.append([_sendable(name), _sendable(file), line, own.own / calls, own.calls / calls])
    return told


def _sendable(text: str) -> str:
    """Return the text without what no other process could read."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _compiled_name(function: Any) -> tuple[str, str]:
    """Return the module and the name of a compiled function."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None) or type(function).__name__
    return module if isinstance(module, str) else "builtins", str(name)


def _qualified_names() -> dict[Any, str]:
    """Return the name of each code that is a function's: before 3.11, code does not know it."""
    if hasattr(_qualified_names.__code__, "co_qualname"):
        return {}
    functions = [own for own in gc.get_objects() if isinstance(own, types.FunctionType)]
    return {function.__code__: function.__qualname__ for function in functions}


def _shown(file: str, roots: Sequence[str]) -> str:
    """Return the path as both sides have it: relative to its tree, or to where it is installed."""
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
