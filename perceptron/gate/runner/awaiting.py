"""Benchmarks that are awaited, in one event loop of their process. Part of the program: standard
library only. asyncio is imported where something is async: most suites do without."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any


class Awaiting:
    """Runs what is to be awaited, for code that cannot await.

    ``timing`` is handed over: nothing is imported by name here.
    """

    def __init__(self, timing: Any) -> None:
        self._timing = timing
        self._break: Any = None

    @staticmethod
    def is_async(function: Any) -> bool:
        """Return whether what a call of it returns is to be awaited."""
        inside = type(function).__call__  # of an object that is called
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inside)

    def finished(self, function: Any) -> Any:
        """Return a function that returns when this one is done: itself unless it is async."""
        if not self.is_async(function):
            return function
        run = _loop().run_until_complete

        @functools.wraps(function)
        def finished(*args: Any, **kwargs: Any) -> Any:
            return run(function(*args, **kwargs))

        return finished

    def batches(
        self,
        function: Any,
        call: Callable[[], Any],
        timer: Callable[[], Any],
        reset: Callable[[], Any] | None,
        number: int = 0,
    ) -> Any:
        """Return `timing.Batches` of a ``call`` that returns what the ``function`` returns."""
        if self.is_async(function):
            run = _loop().run_until_complete
            return self._timing.AwaitedBatches(run, call, timer, reset, number)
        return self._timing.Batches(call, timer, reset, number)

    def run_with_break(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what it returns. Where it asks for a `break_for`, its loop stands still."""
        import asyncio

        loop = _loop()
        task = loop.create_task(coroutine)
        while not task.done():
            self._break = loop.create_future()
            either = asyncio.wait({task, self._break}, return_when=asyncio.FIRST_COMPLETED)
            loop.run_until_complete(either)
            asked, self._break = self._break, None
            if asked.done():
                _answer(*asked.result())
        return task.result()

    def break_for(self, work: Callable[[], Any]) -> Any:
        """Have work done that runs the loop itself: now, or while the loop stands still.

        Return what it returns, or an awaitable of that. Raises RuntimeError in a coroutine that
        something else runs than `run_with_break`.
        """
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return work()
        if self._break is None:
            raise RuntimeError("an event loop runs already: make the test itself async")
        answer = loop.create_future()
        self._break.set_result((copy_context(), work, answer))
        return answer


def _loop() -> Any:
    """Return the loop that is set for this thread, by a plug-in say; a new one without."""
    import asyncio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loop = asyncio.get_event_loop()
    except RuntimeError:
        loop = None
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def _answer(context: Any, work: Callable[[], Any], answer: Any) -> None:
    """Do the work in the context of who asked for it, and answer with what comes of it."""
    try:
        result = context.run(work)
    except BaseException as error:  # noqa: BLE001 it is for who awaits the answer
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)
