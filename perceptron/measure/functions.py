"""Functions of the user's own, in the worker that calls them: loaded, checked, made a timed loop.

They come as a file or, from a program, pickled. Only workers load them: reading results never does.
Started as ``python -m perceptron.measure.functions FILE`` this describes them, as `Described`.
"""

from __future__ import annotations

import copy
import importlib.util
import inspect
import pickle
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.measure.job import Batch, Outcome, timed
from perceptron.measure.memory import keep_freed_memory
from perceptron.measure.timing import Effort, time_training

Function = Callable[..., object]
Make = Callable[[], tuple[object, ...]]
PICKLED = ".pickle"
"""Ends the name of a file that holds pickled `Functions`."""

# From this length of a call on a sample is a single call, and from the longer one there are fewer.
_LONG_SECONDS, _VERY_LONG_SECONDS = 0.05, 0.5
_FEW_SAMPLES = 2
# Of functions that get fresh data for each call, which is one sample.
_SINGLE_CALLS = 25


@dataclass(frozen=True)
class Functions:
    """What is compared: candidates that are called with the same data."""

    candidates: Mapping[str, Function]
    setup: Callable[..., object]
    """Returns the data of a size, or of two: a tuple of arguments, or the only one."""
    equal: Callable[[Any, Any], object] | None = np.allclose
    """Whether two results are the same; None checks nothing."""
    fresh: bool | None = None
    """Whether every call gets new data. By default none does, and what changes its data is refused;
    False accepts that."""
    sizes: object = None
    """A pair ``(low, high)`` to search between, a list to measure as it is, or two pairs."""


class Described(Struct, frozen=True):
    """What is known of functions without calling the candidates."""

    names: tuple[str, ...]
    axes: tuple[str, ...]
    """What ``setup`` calls its parameters."""
    sizes: tuple[tuple[int, ...], ...]
    """Along each axis: from which to which, or those of a list."""
    is_list: bool
    is_checked: bool
    is_random: bool
    """Whether two calls of ``setup`` gave different data."""


# --- loaded --------------------------------------------------------------------------------------


def load(file: str) -> Functions:
    """Run a file of functions, or load pickled ones; raises `UserError` saying what is missing."""
    path = Path(file)
    if path.suffix == PICKLED:
        search, functions = pickle.loads(path.read_bytes())  # noqa: S301 our caller wrote it
        sys.path[:] = list(dict.fromkeys([*sys.path, *search]))
        loaded: Functions = pickle.loads(functions)  # noqa: S301
        return loaded
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError("it is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what is defined there can be pickled
    spec.loader.exec_module(module)
    for name in ("setup", "CANDIDATES", "SIZES"):
        if not hasattr(module, name):
            raise UserError(f"{name} is missing: see docs/functions.md")
    return Functions(
        module.CANDIDATES,
        module.setup,
        getattr(module, "equal", np.allclose),
        getattr(module, "FRESH", None),
        module.SIZES,
    )


def describe(file: str) -> Described:
    """Return what is known of the functions in a file; raises `UserError` for what cannot be."""
    functions = load(file)
    candidates, sizes = functions.candidates, functions.sizes
    if not isinstance(candidates, Mapping) or len(candidates) < 2:
        raise UserError("candidates must be a dict of at least two functions by name")
    for name, function in candidates.items():
        if not isinstance(name, str) or not name.strip() or ":" in name or "," in name:
            raise UserError(f"candidates: {name!r} must be a name without ':' and ','")
        if not callable(function):
            raise UserError(f"candidates: {name} is no function")
    axes = _axes(functions.setup)
    is_list = len(axes) == 1 and not (isinstance(sizes, tuple) and len(sizes) == 2)
    every = tuple(map(_ascending, [sizes] if len(axes) == 1 else _items(sizes)))
    if len(every) != len(axes) or not all(every) or any(len(one) > 2 for one in every[1:]):
        form = "(16, 1_000_000), or a list of" if len(axes) == 1 else "((1, 1_000), (1, 64)), of"
        raise UserError(
            f"sizes must be a range such as {form} ascending whole numbers from 1; got {sizes!r}"
        )
    setup, least = _Setup(functions.setup), [one[0] for one in every]
    return Described(
        names=tuple(candidates),
        axes=axes,
        sizes=every,
        is_list=is_list,
        is_checked=functions.equal is not None,
        is_random=not _same(setup(*least), setup(*least)),
    )


def _axes(setup: Callable[..., object]) -> tuple[str, ...]:
    """Return what the sizes count, by the names of the parameters that have no default."""
    if not callable(setup):
        raise UserError(f"setup must be a function of a size, got {setup!r}")
    try:
        parameters = inspect.signature(setup).parameters
    except ValueError:  # of a type such as range
        return ("size",)
    named = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(named) not in (1, 2):
        raise UserError(f"setup must take one size, or two for a map; it takes {len(named)}")
    if len(named) == 1 and not re.fullmatch("[a-z_]{2,20}", named[0]):
        return ("size",)  # n and the like say nothing
    return tuple(re.sub("[^a-z]", "", name.lower())[:20] or "size" for name in named)


def _items(sizes: object) -> list[Any]:
    return list(sizes) if isinstance(sizes, (tuple, list, range, np.ndarray)) else []


def _ascending(sizes: object) -> tuple[int, ...]:
    """Return at least two ascending whole numbers from 1; nothing if they are not that."""
    known = _items(sizes)
    whole = [int(size) for size in known if isinstance(size, (int, np.integer))]
    fits = len(whole) == len(known) >= 2 and whole[0] >= 1 and whole == sorted(set(whole))
    return tuple(whole) if fits else ()


class _Setup:
    """A ``setup`` that gives the same random numbers each time."""

    def __init__(self, setup: Callable[..., object]) -> None:
        self._setup = setup
        known = inspect.getclosurevars(setup) if inspect.isfunction(setup) else None
        values = [*known.globals.values(), *known.nonlocals.values()] if known else []
        # As they are in every worker that has just loaded them.
        self._generators = [
            (value, copy.deepcopy(value.bit_generator.state))
            for value in values
            if isinstance(value, np.random.Generator)
        ]

    def __call__(self, *sizes: int) -> tuple[object, ...]:
        random.seed(0)
        np.random.seed(0)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(0)
        for generator, state in self._generators:
            generator.bit_generator.state = state
        data = self._setup(*sizes)
        return data if isinstance(data, tuple) else (data,)


# --- called --------------------------------------------------------------------------------------


class Calls:
    """What a worker keeps from one batch to the next: the functions, loaded once."""

    def __init__(self) -> None:
        self._loaded: tuple[Functions, _Setup] | None = None

    def measure(self, batch: Batch) -> Iterator[Outcome]:
        """Yield the outcome of each problem, which ends with its size, as soon as it is there."""
        for problem in batch.problems:
            try:
                if self._loaded is None:
                    functions = load(str(batch.functions))
                    self._loaded = functions, _Setup(functions.setup)
                    keep_freed_memory()
                yield _outcome(*self._loaded, problem, batch)
            except MemoryError:
                yield Outcome(problem=problem, status="failed", reason="out of memory")
            except Exception as error:  # noqa: BLE001 an error of a function costs it this row only
                said = str(error) if isinstance(error, UserError) else _words_of(error)
                yield Outcome(problem=problem, status="failed", reason=said)


def _outcome(functions: Functions, setup: _Setup, problem: str, batch: Batch) -> Outcome:
    if batch.extra is not None:  # only to have everything imported
        return Outcome(problem=problem)
    make = partial(setup, *map(int, problem.rpartition(":")[2].split("x")))
    if batch.check:
        _check(functions, batch.backend, make)
        return Outcome(problem=problem)
    calls = _Calling(functions.candidates[batch.backend], make, functions.fresh is True)
    seconds = calls.first()
    effort = Effort(batch.samples, batch.minimum_seconds)
    if functions.fresh and seconds < _LONG_SECONDS:
        effort = Effort(_SINGLE_CALLS, 0, 1)
    elif functions.fresh or seconds >= _LONG_SECONDS:
        effort = Effort(batch.samples if seconds < _VERY_LONG_SECONDS else _FEW_SAMPLES, 0, 1)
    return Outcome(problem=problem, **timed(time_training(calls, effort)))


class _Calling:
    """A function called again and again, as what is timed: see `timing.Repeatable`."""

    def __init__(self, function: Function, make: Make, is_fresh: bool) -> None:
        self._function, self._make, self._is_fresh = function, make, is_fresh
        self._data = make()
        self._wait: Callable[[object], object] | None = None

    def first(self) -> float:
        """Call it and see what has to be waited for; return the seconds of a second call."""
        self._wait = waiter(self._function(*self._data))
        self.reset()
        begin = time.perf_counter()
        self.train(1)
        return time.perf_counter() - begin

    def reset(self) -> None:
        if self._is_fresh:
            self._data = self._make()

    def train(self, iterations: int) -> None:
        function, data, wait = self._function, self._data, self._wait
        if wait is None:
            for _ in repeat(None, iterations):
                function(*data)
        else:
            for _ in repeat(None, iterations):
                wait(function(*data))


def waiter(result: object) -> Callable[[object], object] | None:
    """Return what waits until a result like this one is there; None where it is when returned.

    Raises `UserError` for a result that can tell nobody when it is there.
    """
    if inspect.iscoroutine(result) or hasattr(result, "__next__"):
        raise UserError(
            f"returns a {type(result).__name__}, which computes later: return list() of it"
        )
    torch = sys.modules.get("torch")
    has_cuda = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    if result is None and has_cuda:
        raise UserError("returns nothing, so the device cannot be waited for: return its result")
    for leaf in _leaves(result):
        if hasattr(leaf, "block_until_ready"):  # JAX
            jax = sys.modules["jax"]
            return jax.block_until_ready  # type: ignore[no-any-return]
        if type(leaf).__module__.split(".")[0] == "cupy":
            cupy = sys.modules["cupy"]
            return lambda _: cupy.cuda.get_current_stream().synchronize()
        kind = getattr(getattr(leaf, "device", None), "type", "cpu")
        if torch is not None and isinstance(leaf, torch.Tensor) and kind != "cpu":
            device = getattr(torch, kind)
            return lambda _: device.synchronize()
    if has_cuda:  # something was started that the result does not show
        assert torch is not None
        cuda = torch.cuda
        return lambda _: cuda.synchronize()
    return None


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value[:100]:
            yield from _leaves(item)
    else:
        yield value


# --- checked -------------------------------------------------------------------------------------


def _check(functions: Functions, name: str, make: Make) -> None:
    """Raise `UserError` unless a candidate gives what the first one does, and keeps its data."""
    function, data = functions.candidates[name], make()
    before = copy.deepcopy(data) if functions.fresh is None else None
    own = function(*data)
    waiter(own)
    if before is not None and not _same(before, data):
        raise UserError("changes its data: set fresh to give every call its own, or to False")
    first = next(iter(functions.candidates))
    if functions.equal is None or name == first:
        return
    same_data = make()
    expected = functions.candidates[first](*same_data)
    if own is None and expected is None:  # they return nothing: what they made of their data
        own, expected = data, same_data
    difference = _difference(functions.equal, expected, own)
    if difference is not None:
        raise UserError(f"differs from {first}: {difference}")


def _difference(
    equal: Callable[[Any, Any], object], first: Any, other: Any, where: str = ""
) -> str | None:
    """Return the first difference of two results in words; None where they are equal."""
    if isinstance(first, (list, tuple)) and isinstance(other, (list, tuple)) and first:
        if len(first) != len(other):
            return f"{len(other)} results instead of {len(first)}"
        if not np.isscalar(first[0]):
            found = (
                _difference(equal, one, two, f"result {index}: ")
                for index, (one, two) in enumerate(zip(first, other, strict=True))
            )
            return next(filter(None, found), None)
    one, two = _on_host(first), _on_host(other)
    shapes = (np.shape(one), np.shape(two))
    if shapes[0] != shapes[1]:
        return f"{where}shape {shapes[1]} instead of {shapes[0]}"
    if equal(one, two):
        return None
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        for index in zip(*np.nonzero(one != two), strict=True):
            if not equal(one[index], two[index]):
                at = ", ".join(str(int(number)) for number in index)
                return f"{where}{two[index]:.6g} instead of {one[index]:.6g} at [{at}]"
    said = (repr(value) if len(repr(value)) < 40 else type(value).__name__ for value in (two, one))
    return where + " instead of ".join(said)


def _on_host(value: Any) -> Any:
    """Return a tensor or an array of a device as one of NumPy; anything else as it is."""
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if hasattr(value, "get") and type(value).__module__.split(".")[0] == "cupy":
        return value.get()
    return np.asarray(value) if hasattr(value, "__array__") else value


def _same(one: Any, other: Any) -> bool:
    """Return whether two values hold the same, as far as that can be told."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    one, other = _on_host(one), _on_host(other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # noqa: BLE001 a type of the user's may compare as it likes
        return True


def _words_of(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


if __name__ == "__main__":
    try:
        described = msgspec.json.encode(describe(sys.argv[1])).decode()
    except UserError as error:
        described = msgspec.json.encode({"error": str(error)}).decode()
    except Exception as error:  # noqa: BLE001 the file is the user's
        described = msgspec.json.encode({"error": _words_of(error)}).decode()
    print(f"\n{described}")
