"""Benchmarks that are awaited, in one event loop of their process.

asyncio is imported where something is async: most suites do without.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from . import timing

# The future by which a coroutine may ask for a break.
_BREAKS: list[Any] = []


def is_async(function: Any) -> bool:
    """Return whether what a call of it returns is to be awaited."""
    inside = type(function).__call__  # of an object that is called
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inside)


def finished(function: Any) -> Any:
    """Return a function that returns when this one is done: itself unless it is async."""
    if not is_async(function):
        return function
    run = _loop().run_until_complete

    @functools.wraps(function)
    def finished(*args: Any, **kwargs: Any) -> Any:
        return run(function(*args, **kwargs))

    return finished


def batches(
    function: Any,
    call: Callable[[], Any],
    timer: Callable[[], timing.Clock],
    reset: Callable[[], Any] | None,
    number: int = 0,
) -> timing.Batches:
    """Return batches of a ``call`` that returns what the ``function`` returns."""
    if is_async(function):
        run = _loop().run_until_complete
        return timing.AwaitedBatches(run, call, timer, reset, number)
    return timing.Batches(call, timer, reset, number)


def run_with_break(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what it returns. Where it asks for a `break_for`, its loop stands still."""
    import asyncio

    loop = _loop()
    task = loop.create_task(coroutine)
    while not task.done():
        asked = loop.create_future()
        _BREAKS[:] = [asked]
        loop.run_until_complete(asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED))
        _BREAKS.clear()
        if asked.done():
            _answer(*asked.result())
    return task.result()


def break_for(work: Callable[[], Any]) -> Any:
    """Have work done that runs the loop itself: now, or while the loop stands still.

    Return what it returns, or an awaitable of that. Raises RuntimeError in a coroutine that
    something else runs than `run_with_break`.
    """
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return work()
    if not _BREAKS:
        raise RuntimeError("an event loop runs already: make the test itself async")
    answer = loop.create_future()
    _BREAKS.pop().set_result((copy_context(), work, answer))
    return answer


def _loop() -> Any:
    """Return the loop that is set for this thread, by a plug-in say; a new one without."""
    import asyncio

    loop = None
    with suppress(RuntimeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop = asyncio.get_event_loop()
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def _answer(context: Any, work: Callable[[], Any], answer: Any) -> None:
    """Do the work in the context of who asked for it, and answer with what comes of it."""
    answers, result = answer.set_result, None
    try:
        result = context.run(work)
    except BaseException as error:  # noqa: BLE001 it is for who awaits the answer
        answers, result = answer.set_exception, error
    if not answer.done():
        answers(result)
