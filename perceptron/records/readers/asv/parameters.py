"""What asv's parameters mean: each is kept as its ``repr``, and nothing in it is executed."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.untrusted_text import quoted

_NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
_CLASS = re.compile(r"<class '(.+)'>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Case(NamedTuple):
    """What one combination of parameters means."""

    size: int | float
    backend: str
    ground: dict[str, Any]
    others: dict[str, str]


@lru_cache(maxsize=1024)  # a history repeats the same few benchmarks
def cases(
    roles: ParameterRoles,
    names: tuple[str, ...],
    choices: tuple[tuple[str, ...], ...],
    fixed: tuple[tuple[str, Any], ...],
) -> list[Case | str]:
    """Return each combination of parameters, in asv's order; the quoted size where it is none."""
    meanings: list[Case | str] = []
    for words in product(*choices):
        parameters = dict(fixed) | dict(zip(names, map(parse_parameter, words), strict=True))
        size = roles.size_of(parameters)
        if size is None:
            meanings.append(quoted(parameters[roles.size]))
        else:
            backend, ground = roles.backend(parameters), roles.ground(parameters)
            meanings.append(Case(size, backend, ground, roles.others(parameters)))
    return meanings


@lru_cache(maxsize=4096)  # a history repeats the same few texts
def parse_parameter(word: str) -> Any:
    """Return a parameter from its ``repr``, as text if it is no plain value; executes nothing."""
    if scalar := _NUMPY_SCALAR.fullmatch(word):
        word = scalar[1]
    try:
        value = ast.literal_eval(word.removesuffix("L"))  # a long integer of Python 2
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = None
    if isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() <= 64):
        return value  # Python refuses to write out a larger one of thousands of digits
    if name := _CLASS.fullmatch(word):
        return name[1]  # as asv shows it
    return _ADDRESS.sub("", word)
