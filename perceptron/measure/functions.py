"""Functions that a user wrote: loading and describing them.

They come in a file or, from a program, pickled. Only workers load them: reading results never does.
Run with ``FILE AXES``, this module prints their `Described`.
"""

from __future__ import annotations

import copy
import importlib.util
import inspect
import os
import pickle
import random
import re
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct

from perceptron.errors import UserError, in_one_line
from perceptron.measure.pickled import received
from perceptron.measure.same_results import digest
from perceptron.records.measurement import AxisSize

Function = Callable[..., object]
AxisName = Annotated[str, Meta(pattern="^[a-z_]{1,20}$")]
PICKLED = ".pickle"
"""The suffix of a file with pickled `Functions`."""


@dataclass(frozen=True)
class Functions:
    """Candidates to compare: functions that are called with the same data."""

    candidates: Mapping[str, Function | bytes]
    """Functions by name; a pickled one is loaded, with its libraries, where it is called."""
    setup: Callable[..., object]
    """Returns the data of a size, or of two sizes: a tuple of arguments, or one argument."""
    equal: Callable[[Any, Any], object] | None = np.allclose
    """Whether two results are the same; None checks nothing."""
    fresh: bool | None = None
    """Whether every call gets new data. By default no call does, and a function that changes its
    data is refused; False accepts it."""
    sizes: object = None
    """A pair ``(low, high)`` to search between, a list to measure as it is, or two pairs."""

    def candidate(self, name: str) -> Function:
        """Return the candidate of this name; load it if it is pickled."""
        function = self.candidates[name]
        return pickle.loads(function) if isinstance(function, bytes) else function  # noqa: S301


class Described(Struct, frozen=True):
    """A description of `Functions`, made without calling the candidates."""

    names: tuple[str, ...]
    axes: tuple[AxisName, ...]
    """The names of the parameters of ``setup``, one or two."""
    sizes: tuple[tuple[AxisSize, ...], ...]
    """The smallest and the largest size along each axis, or a list of sizes."""
    is_list: bool
    is_checked: bool
    is_random: bool
    """Whether two calls of ``setup`` gave different data."""
    files: tuple[str, ...]
    """Source files of loaded modules, without installed ones; their digest identifies the code."""


def load(file: str) -> Functions:
    """Run a file of functions, or load pickled ones; raises `UserError` if a name is missing."""
    path = Path(file)
    if path.suffix == PICKLED:
        loaded: Functions = pickle.loads(received(path))  # noqa: S301 our caller wrote it
        return loaded
    # Last: files in that folder must not replace modules that this package or a library needs.
    sys.path += [str(path.resolve().parent), os.getcwd()]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError("it is not a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that objects defined there can be copied
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


class Arguments(NamedTuple):
    """The axes and sizes of functions, read without calling them."""

    axes: tuple[AxisName, ...]
    sizes: tuple[tuple[int, ...], ...]
    is_list: bool


def arguments_of(functions: Functions, axes: int = 1) -> Arguments:
    """Return the axes and sizes of functions whose ``setup`` takes ``axes`` sizes.

    Raises `UserError` for functions that cannot be compared.
    """
    candidates, sizes, fresh = functions.candidates, functions.sizes, functions.fresh
    if not isinstance(candidates, Mapping) or len(candidates) < 2:
        raise UserError("candidates must be a dict of at least two functions by name")
    for name in candidates:
        if not isinstance(name, str) or not name.strip() or ":" in name or "," in name:
            raise UserError(f"candidates: {name!r} must be a name without ':' and ','")
        if not callable(functions.candidate(name)):
            raise UserError(f"candidates: {name} is no function")
    if functions.equal is not None and not callable(functions.equal):
        raise UserError(
            f"equal must be a function of two results, or None; got {functions.equal!r}"
        )
    if fresh is not None and not isinstance(fresh, bool):
        raise UserError(f"fresh must be True, False or None; got {fresh!r}")
    named = _axes(functions.setup)
    if len(named) != axes:
        use = (
            "two sizes: use `perceptron map`"
            if axes == 1
            else "one size: use `perceptron crossover`"
        )
        raise UserError(f"setup takes {use}")
    is_list = axes == 1 and not (isinstance(sizes, tuple) and len(sizes) == 2)
    all_sizes = tuple(map(_ascending, [sizes] if axes == 1 else _items(sizes)))
    if len(all_sizes) != axes or not all(all_sizes) or any(len(axis) > 2 for axis in all_sizes[1:]):
        form = "(16, 1_000_000), or a list" if axes == 1 else "((1, 1_000), (1, 64)), each"
        raise UserError(
            f"sizes must be a range such as {form} of at least two ascending whole numbers from 1; "
            f"got {sizes!r}"
        )
    return Arguments(named, all_sizes, is_list)


def describe(file: str, axes: int = 1) -> Described:
    """Return the description of the functions in a file, whose ``setup`` takes ``axes`` sizes.

    Raises `UserError` for functions that cannot be compared.
    """
    functions = load(file)
    named, all_sizes, is_list = arguments_of(functions, axes)
    setup, smallest_sizes = Setup(functions.setup), [axis[0] for axis in all_sizes]
    before, again = digest(setup(*smallest_sizes)), digest(setup(*smallest_sizes))
    return Described(
        names=tuple(functions.candidates),
        axes=named,
        sizes=all_sizes,
        is_list=is_list,
        is_checked=functions.equal is not None,
        is_random=None not in (before, again) and before != again,
        files=_user_files(file),
    )


def _axes(setup: Callable[..., object]) -> tuple[str, ...]:
    """Return the names of the axes: the parameters of ``setup`` without a default."""
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
        raise UserError(
            f"setup must take one size, or two for a map, without defaults; it takes {len(named)}"
        )
    axis_names = tuple(re.sub("[^a-z_]", "", name.lower())[:20] for name in named)
    if len(axis_names) == 1:  # n and the like say nothing
        return axis_names if len(axis_names[0]) > 1 else ("size",)
    return axis_names if all(axis_names) and axis_names[0] != axis_names[1] else ("first", "second")


def _items(sizes: object) -> list[Any]:
    return list(sizes) if isinstance(sizes, (tuple, list, range, np.ndarray)) else []


def _ascending(sizes: object) -> tuple[int, ...]:
    """Return sizes as ints; () unless they are two or more ascending whole numbers from 1."""
    items = _items(sizes)
    kinds = (int, float, np.integer, np.floating)
    numbers = [
        int(size)
        for size in items
        if isinstance(size, kinds) and not isinstance(size, bool) and float(size).is_integer()
    ]
    fits = len(numbers) == len(items) >= 2 and numbers[0] >= 1 and numbers == sorted(set(numbers))
    return tuple(numbers) if fits else ()


def _user_files(file: str) -> tuple[str, ...]:
    """Return the files of all loaded modules, without installed ones and this package."""
    installed = [
        Path(path).resolve() for path in {*sysconfig.get_paths().values(), sys.base_prefix}
    ]
    installed.append(Path(__file__).resolve().parents[1])
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    paths = {Path(path).resolve() for path in files if isinstance(path, str) and path[-3:] == ".py"}
    own_paths = {path for path in paths if not any(map(path.is_relative_to, installed))}
    # PyTorch has modules whose files do not exist.
    return tuple(sorted(str(path) for path in own_paths - {Path(file).resolve()} if path.is_file()))


class Setup:
    """A ``setup`` that draws the same random numbers at each call, also from its own generators."""

    def __init__(self, setup: Callable[..., object]) -> None:
        self._setup = setup
        variables = inspect.getclosurevars(setup) if inspect.isfunction(setup) else None
        values = [*variables.globals.values(), *variables.nonlocals.values()] if variables else []
        # Their states are the same in every worker that has just loaded them.
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
        try:
            data = self._setup(*sizes)
        except MemoryError:
            raise
        except Exception as error:
            raise UserError(f"setup({', '.join(map(str, sizes))}): {in_one_line(error)}") from error
        return data if isinstance(data, tuple) else (data,)


def main() -> None:
    """Write the description of the functions in a file to standard output, as JSON."""
    answers = os.dup(1)
    os.dup2(2, 1)  # functions may print
    description: Any
    try:
        description = describe(sys.argv[1], int(sys.argv[2]))
    except UserError as error:
        description = {"error": str(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 the file is the user's
        description = {"error": in_one_line(error)}
    os.write(answers, msgspec.json.encode(description) + b"\n")
    os.close(answers)


if __name__ == "__main__":
    main()
