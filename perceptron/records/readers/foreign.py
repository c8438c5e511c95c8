"""What a foreign file says, before its rows have their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.untrusted_text import label, quoted

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DEVICE = re.compile(r"(?:device\(type=')?(cpu|gpu|cuda|mps|xpu|tpu|rocm)\b", re.IGNORECASE)
# Whole numbers beyond this are not told apart by floats.
_LARGEST_WHOLE = 2**53


class ForeignRow(Struct, frozen=True, kw_only=True):
    """One row of a source.

    Until `names.named` has seen all rows, a foreign row's ``family`` is its benchmark's name alone;
    ``name`` is that name in full and ``others`` are the parameters that hold neither backend nor
    size.
    """

    row: Measurement
    own: bool = False
    """Whether the suite itself measured it: then its family and backend are as they should be."""
    name: str = ""
    others: Mapping[str, str] = {}


class SourceContents(Struct, frozen=True, kw_only=True):
    """What a source holds: its runs, and the parameters of benchmarks that were passed over.

    Rows of one run with equal ``process`` were measured side by side. ``chosen`` says that rows
    were chosen by their parameters, so that having none is for the user to know.
    """

    runs: list[list[ForeignRow]]
    chosen: bool = False
    passed_over: frozenset[str] = frozenset()


class ParameterRoles(Struct, frozen=True, kw_only=True):
    """The parameters that hold the backend (joined by ``:``) and the size."""

    by: tuple[str, ...] = ("backend",)
    size: str = "size"

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.by, self.size))

    def backend(self, parameters: Mapping[str, Any]) -> str:
        return ":".join(label(parameters[name]) for name in self.by)

    def others(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        return {name: label(value) for name, value in parameters.items() if name not in self.names}

    def ground(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The ``dtype`` and ``device`` of a row, where parameters so called say them."""
        found: dict[str, Any] = {}
        if "dtype" in parameters and "dtype" not in self.by:
            found["dtype"] = label(parameters["dtype"])
        if device := _DEVICE.match(label(parameters.get("device", ""))):
            found["device"] = device[1].lower()
        return found

    def size_of(self, parameters: Mapping[str, Any], where: str) -> int | float:
        """The size; raises `UserError` that begins with ``where`` if it is no number above 0."""
        value = parameters[self.size]
        size = number(value)
        if size is None or not 0 < size < float("inf"):
            raise UserError(
                f"{where}, parameter {self.size!r}: {quoted(value)} is not a size above 0; "
                "name with --size the parameter that holds a number"
            )
        return size

    def missing(self, source: str, passed_over: Iterable[str]) -> UserError:
        """The error for a source without any benchmark that has these parameters."""
        known = sorted(passed_over)
        absent = sorted(name for name in self.names if name not in known)
        if not known:
            return UserError(f"{source}: no benchmark of time in it has parameters; choose another")
        if not absent:
            together = ", ".join(sorted(self.names))
            return UserError(
                f"{source}: no benchmark has all of {together}; name others with --by and --size"
            )
        near = get_close_matches(absent[0], known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return UserError(
            f"{source}: no benchmark has a parameter {absent[0]!r}; {hint}"
            f"name with --by and --size some of {', '.join(known)}"
        )


def number(value: object) -> int | float | None:
    """The number that a value is or spells; whole ones as int; None for what is no number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_WHOLE else None
    whole = isfinite(value) and value.is_integer() and abs(value) <= _LARGEST_WHOLE
    return int(value) if whole else value


def duration(value: object) -> float | None:
    """A time in seconds, above zero and finite; None for everything else."""
    found = None if isinstance(value, str) else number(value)
    return float(found) if found is not None and 0 < found < float("inf") else None


def spread(value: object) -> float | None:
    """A standard deviation in seconds, from zero on; None for everything else."""
    return 0.0 if value == 0 and not isinstance(value, bool) else duration(value)
