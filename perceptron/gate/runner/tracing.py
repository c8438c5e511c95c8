"""Bytecodes that one call executes, by the stack of functions that executes them. Part of the
program: standard library only.

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
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Job = dict[str, Any]

# Calls before anything is counted: they fill caches.
_WARM_UP = 3
# It is counted until two counts agree, at most so often.
_MOST_COUNTS = 4
# More take more than a few seconds.
MOST_BYTECODES = 10_000_000
MOST_CALLS = 2_000_000
# A function looks at the limit once in so many bytecodes, less one; a power of two.
_SELDOM = 0xFFFF
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_SET_TRACE: Callable[[Any], None] = sys.settrace
_SET_PROFILE: Callable[[Any], None] = sys.setprofile
_INSTALLED = ("site-packages", "dist-packages")


class Stack:
    """A function below a stack of others: ``own`` is what it counts itself there, in ``calls``.

    ``function`` is a code object, or the name of a compiled function, and ``key`` tells it from
    others: codes of equal content are equal, wherever they stand. Recursion is folded: a function
    that is on the stack already is counted where it was first.
    """

    __slots__ = ("_children", "_limit", "calls", "function", "key", "local", "own", "parent")

    def __init__(
        self, function: Any, parent: Stack | None, limit: Callable[[], object], key: Any = None
    ) -> None:
        self.function = function
        self.key = key
        self.parent = parent
        self.own = 0
        self.calls = 0
        self._children: dict[Any, Stack] = {}
        self._limit = limit
        self.local = self._trace

    def call(self, function: Any) -> Stack:
        """Return the stack with this function on it, called once more."""
        key = function if isinstance(function, tuple) else id(function)
        child = self._children.get(key)
        if child is None:
            child = next((above for above in self.above() if above.key == key), None)
            child = child or Stack(function, self, self._limit, key)
            self._children[key] = child
        child.calls += 1
        return child

    def above(self) -> Iterator[Stack]:
        """Yield this one and those that it stands on, the innermost first."""
        stack: Stack | None = self
        while stack is not None:
            yield stack
            stack = stack.parent

    def all(self) -> Iterator[Stack]:
        """Yield this one and all below, each after the one that it stands on."""
        waiting = [self]
        while waiting:
            stack = waiting.pop()
            yield stack
            waiting += [child for child in stack._children.values() if child.parent is stack]

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
        self._running: list[Stack] = []
        self.overflown = False
        """Whether there was too much to count: then the rest ran uncounted."""
        self.root = Stack(None, None, self._count_many)

    def run(self, call: Callable[[], object], calls: int) -> None:
        """Count so many calls. Who traced or profiled before, does so again afterwards."""
        before: Any
        trace: Any
        if self._unit == "bytecodes":
            before, set_it, trace = sys.gettrace(), _SET_TRACE, self._on_call
        else:
            before, set_it, trace = sys.getprofile(), _SET_PROFILE, self._on_event
        self._running = [self.root]
        set_it(trace)
        try:
            for _ in range(calls):
                call()
        finally:
            set_it(before)

    def _on_call(self, frame: Any, _event: str, _argument: Any) -> Any:
        """Be the trace function: it hears of each call, and a stack of each bytecode."""
        code = frame.f_code
        if code.co_filename.startswith(_HERE):
            return None
        above = frame.f_back
        while above is not None and above.f_trace is None:
            above = above.f_back
        stack = getattr(getattr(above, "f_trace", None), "__self__", None)
        stack = (stack if isinstance(stack, Stack) else self.root).call(code)
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        self._count_call()
        return stack.local

    def _on_event(self, frame: Any, event: str, argument: Any) -> None:
        """Be the profile function: it hears of each call and each return."""
        running = self._running
        if event in {"call", "return"}:
            if frame.f_code.co_filename.startswith(_HERE):
                return
            function: Any = frame.f_code
        else:
            if argument is sys.setprofile:
                return
            function = _compiled_name(argument)
        if event in {"call", "c_call"}:
            running.append(running[-1].call(function))
            running[-1].own += 1
            self._count_call()
        elif len(running) > 1:
            running.pop()

    def _count_call(self) -> None:
        self._calls += 1
        if self._calls > MOST_CALLS:
            self._stop()

    def _count_many(self) -> None:
        self._bytecodes += _SELDOM + 1
        if self._bytecodes > MOST_BYTECODES:
            self._stop()

    def _stop(self) -> None:
        self.overflown = True
        (_SET_TRACE if self._unit == "bytecodes" else _SET_PROFILE)(None)


class Traced:
    """Counts what a benchmark does, function by function, with paths relative to ``roots``.

    ``seed`` makes each call draw the same; ``refusal`` is raised with the reason why nothing can
    be counted.
    """

    def __init__(
        self, roots: Sequence[str], seed: Callable[[], object], refusal: type[Exception]
    ) -> None:
        self._roots = [os.path.realpath(root) + os.sep for root in roots]
        self._seed = seed
        self._refusal = refusal

    def __call__(self, batches: Any, warm_up: float, task: Job) -> Job:
        """Return the ``unit``, the ``frames`` and the ``stacks``: of each the index of the one
        that it stands on, that of its frame, what it counts in one call, and its calls."""
        del warm_up, task
        if batches.elsewhere:
            raise self._refusal("it runs in a process of its own")
        enabled = gc.isenabled()
        gc.collect()
        gc.disable()
        try:
            for _ in range(_WARM_UP):
                batches.run(batches.step or 1)
            for unit in ("bytecodes", "calls"):
                root, repeats = self._count(batches, unit)
                if root is not None:
                    return {"unit": unit, "repeats": repeats, **self._told(root, batches.step or 1)}
        finally:
            if enabled:
                gc.enable()
        raise self._refusal("one call of it is too long to be traced")

    def _count(self, batches: Any, unit: str) -> tuple[Stack | None, bool]:
        """Return the stacks, None if they are too many, and whether two counts agreed."""
        previous: list[tuple[int, int]] = []
        for _ in range(_MOST_COUNTS):
            tracer = Tracer(unit)
            self._seed()
            batches.refresh()
            tracer.run(batches.call, batches.step or 1)
            if tracer.overflown:
                return None, False
            counted = [(stack.own, stack.calls) for stack in tracer.root.all()]
            if counted == previous:
                return tracer.root, True
            previous = counted
        return tracer.root, False

    def _told(self, root: Stack, calls: int) -> Job:
        names = _qualified_names()
        frames: dict[Any, int] = {}
        told: list[list[Any]] = []
        stacks: dict[Stack, int] = {}
        rows: list[list[Any]] = []
        for stack in root.all():
            if stack.parent is None:
                continue
            if stack.key not in frames:
                frames[stack.key] = len(told)
                told.append(self._frame(stack.function, names))
            stacks[stack] = len(rows)
            above = stacks.get(stack.parent, -1)
            rows.append([above, frames[stack.key], stack.own / calls, stack.calls / calls])
        return {"frames": told, "stacks": rows}

    def _frame(self, function: Any, names: dict[Any, str]) -> list[Any]:
        """Return the name of the function, its file and its line."""
        if isinstance(function, tuple):
            module, name = function
            return [_sendable(name), _sendable(module), None]
        name = getattr(function, "co_qualname", None) or names.get(function, function.co_name)
        file = _shown(function.co_filename, self._roots)
        return [_sendable(name), _sendable(file), function.co_firstlineno]


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
    """Return the path as both arms have it: relative to its tree, or to where it is installed."""
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
