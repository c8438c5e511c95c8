"""Judge the same rows once, where the answer to a run and the pages ask the same of them.

Of a million rows each judgement took twenty seconds, and there were three of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_known: ContextVar[dict[Any, tuple[Any, Any]] | None] = ContextVar("_known", default=None)


@contextmanager
def judging_once() -> Iterator[None]:
    """Let functions that are `once` return to equal arguments the same object while this lasts."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def once(judge: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let a function be called once for the same arguments within `judging_once`.

    Lists of rows are the same if they hold the same objects: nobody may change one later.
    """

    @wraps(judge)
    def judged(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        known = _known.get()
        if known is None:
            return judge(*arguments, **named)
        key = (judge, *map(_identity, arguments), *named.items())
        if key not in known:
            # Members are kept, in a copy: no later object gets the identity of one of these, even
            # if the caller empties the list.
            kept = [tuple(one) if isinstance(one, list) else one for one in arguments]
            known[key] = (kept, judge(*arguments, **named))
        result: Result = known[key][1]
        return result

    return judged


def _identity(argument: object) -> object:
    """Return what tells a list by its members, and any other argument by itself."""
    if not isinstance(argument, list):
        return argument
    return np.fromiter(map(id, argument), np.uint64, len(argument)).tobytes()
