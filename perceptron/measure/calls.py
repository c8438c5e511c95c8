"""Functions that a user wrote, in the worker that calls them: checking and timing them."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from functools import cache, lru_cache, partial
from itertools import repeat
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.measure.functions import Function, Functions, Setup, load
from perceptron.measure.job import Call, reason_of
from perceptron.measure.memory import keep_freed_memory
from perceptron.measure.same_results import difference, digest, is_tensor
from perceptron.measure.timing import Effort, time_training
from perceptron.records.measurement import Timings

Make = Callable[[], tuple[object, ...]]
Loop = Callable[..., None]
"""A function of the iterations, the function to call, the waiter for its result, its arguments."""

# A sample of calls that are at least this long is a single call; if they are very long, fewer
# samples are taken.
_LONG_SECONDS, _VERY_LONG_SECONDS = 0.05, 0.5
_FEW_SAMPLES = 2
# Up to this length the form of a call matters: CPython 3.11 inlines a Python function that is
# called as f(a, b), but not as f(*data), and the difference of 40 ns is 2% of this.
_SHORT_SECONDS = 2e-6
# Samples of functions that get fresh data for each call: each sample is a call.
_SINGLE_CALLS = 25
# Types of results that are computed only when they are used.
_LAZY = ("coroutine", "async_generator", "LazyFrame", "Delayed", "Bag")


def answer(job: Call) -> Timings:
    """Check or time a function; return a failed row if it raises an error."""
    try:
        return _answer(*_loaded(job.functions, job.backend), job)
    except (Exception, SystemExit) as error:  # noqa: BLE001 the code is the user's
        return Timings(status="failed", reason=reason_of(error))


@lru_cache(maxsize=1)  # all jobs of a worker are of one function
def _loaded(file: str, name: str) -> tuple[Functions, Setup, Function]:
    functions = load(file)
    function = functions.candidate(name)
    setup = Setup(functions.setup)
    keep_freed_memory()
    return functions, setup, function


def _answer(functions: Functions, setup: Setup, function: Function, job: Call) -> Timings:
    if job.step == "start":
        return Timings()
    make = partial(setup, *map(int, job.problem.rpartition(":")[2].split("x")))
    if job.step == "check":
        _check(functions, job.backend, function, make)
        return Timings()
    if compiler := sys.modules.get("torch._dynamo"):
        compiler.reset()  # code compiled for earlier sizes is up to 20% slower at this size
    calls = _Calling(function, make, functions.fresh is True)
    seconds = calls.first()
    effort = Effort(job.samples, job.minimum_seconds)
    if functions.fresh and seconds < _LONG_SECONDS:
        effort = Effort(_SINGLE_CALLS, 0, 1)
    elif functions.fresh or seconds >= _LONG_SECONDS:
        effort = Effort(job.samples if seconds < _VERY_LONG_SECONDS else _FEW_SAMPLES, 0, 1)
    timings = time_training(calls, effort)
    is_short = timings.seconds is not None and timings.seconds < _SHORT_SECONDS
    if is_short and effort.iterations is None and calls.unpack():
        unpacked = time_training(calls, effort)
        timings = msgspec.structs.replace(timings, unpacked_seconds=unpacked.seconds)
    return timings


class _Calling:
    """Calls of a function as a `timing.Repeatable`."""

    def __init__(self, function: Function, make: Make, is_fresh: bool) -> None:
        self._function, self._make, self._is_fresh = function, make, is_fresh
        self._data = make()
        self._wait: Callable[[Any], object] | None = None
        self._loop = _loop(len(self._data), waits=False)

    def first(self) -> float:
        """Call the function to choose the waiter for its result; return a second call's seconds."""
        self._wait = waiter(self._function(*self._data))
        self._loop = _loop(len(self._data), self._wait is not None)
        self.reset()
        begin = time.perf_counter()
        self.train(1)
        return time.perf_counter() - begin

    def reset(self) -> None:
        if self._is_fresh:
            self._data = self._make()
            self._loop = _loop(len(self._data), self._wait is not None)

    def unpack(self) -> bool:
        """Call with ``*data`` from now on; return False if there are no arguments."""
        self._loop = _loop(len(self._data), self._wait is not None, unpacks=True)
        return bool(self._data)

    def train(self, iterations: int) -> None:
        self._loop(iterations, self._function, self._wait, *self._data)


@cache
def _loop(arguments: int, waits: bool, unpacks: bool = False) -> Loop:
    """Return a loop that calls a function as a program would, ``function(a0, a1)``.

    With ``unpacks`` it calls ``function(*data)`` instead.
    """
    names = [f"a{number}" for number in range(arguments)]
    call = f"function({'*data' if unpacks else ', '.join(names)})"
    source = f"""
def loop(iterations, function, wait, *data):
    {"".join(f"{name}, " for name in names) or "()"} = data
    for _ in repeat(None, iterations):
        {f"wait({call})" if waits else call}
"""
    namespace: dict[str, Any] = {}
    exec(source, {"repeat": repeat}, namespace)  # noqa: S102 our own text
    loop: Loop = namespace["loop"]
    return loop


def waiter(result: Any) -> Callable[[Any], object] | None:
    """Return a function that waits for results of this kind; None if they need no waiting.

    Raises `UserError` for a result that is computed later, or that nothing can wait for.
    """
    name = type(result).__name__
    is_lazy = name in _LAZY or type(result).__module__.split(".")[0] == "dask"
    if is_lazy or hasattr(result, "__next__") or isinstance(result, Future):
        raise UserError(f"returns a {name}, which is computed later: return what comes of it")
    torch = sys.modules.get("torch")
    has_cuda = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    if result is None and has_cuda:
        raise UserError("returns nothing, so the device cannot be waited for: return its result")
    for leaf in _leaves(result):
        if hasattr(leaf, "block_until_ready"):  # JAX; the array's own method takes a fifth
            if leaf is result:
                return lambda result: result.block_until_ready()
            wait: Callable[[Any], object] = sys.modules["jax"].block_until_ready
            return wait
        if type(leaf).__module__.split(".")[0] == "cupy":
            cupy = sys.modules["cupy"]
            return lambda _: cupy.cuda.get_current_stream().synchronize()
        if is_tensor(leaf) and leaf.device.type != "cpu":
            device = getattr(torch, leaf.device.type)
            return lambda _: device.synchronize()
    if has_cuda:  # the function may have queued work that the result does not depend on
        cuda = sys.modules["torch"].cuda
        return lambda _: cuda.synchronize()
    return None


def _leaves(value: object) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _check(functions: Functions, name: str, function: Function, make: Make) -> None:
    """Raise `UserError` unless a candidate returns the first's result and leaves its data alone."""
    data = make()
    before = digest(data) if functions.fresh is None else None
    try:
        same_data = copy.deepcopy(data)  # so that they are the same, whatever setup does
        cannot_tell = functions.fresh is None and before is None
    except Exception:  # noqa: BLE001 a type of the user's may do anything when it is copied
        same_data, cannot_tell = make(), functions.fresh is None
    if cannot_tell:
        raise UserError(
            "the data of setup cannot be copied, to see whether a call changes them: set fresh"
        )
    result = function(*data)
    waiter(result)
    if functions.fresh is None and digest(data) != before:
        raise UserError("changes its data: set fresh to give every call its own, or to False")
    reference = next(iter(functions.candidates))
    if functions.equal is None or name == reference:
        return
    expected = functions.candidate(reference)(*same_data)
    if result is None and expected is None:  # they return nothing: compare the data they changed
        result, expected = data, same_data
    text = difference(functions.equal, expected, result)
    if text is not None:
        raise UserError(f"differs from {reference}: {text}")
