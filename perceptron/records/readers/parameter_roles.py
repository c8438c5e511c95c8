"""The parameters of a foreign benchmark that hold backend and size, also in its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.readers.values import number
from perceptron.untrusted_text import label, shortened

MACHINE = "machine"
"""The parameter that every row has, whatever its benchmark: where it was measured."""
# So asv calls a parameter where nothing says how its benchmark calls it.
_UNNAMED = re.compile(r"param\d+")
# Of the names that an error offers.
_LONGEST = 400
_TEXTS = ("dtype", "optimizer", "feed")
_DEVICE = re.compile(r"(?:device\(type=')?(cpu|gpu|cuda|mps|xpu|tpu|rocm)\b", re.IGNORECASE)
# A number at the end of a name, behind something that separates.
TRAILING_NUMBER = r"[/_:=, (\[-](?P<size>\d+(?:\.\d+)?)[)\]]?$"
_EDGES = " /_:=,.-"


def parameters_in(name: str, pattern: str = TRAILING_NUMBER) -> dict[str, str]:
    """Return what a regular expression finds in a name; nothing where it does not match.

    A named group is a parameter; without a group called ``size`` the first one is the size.
    What is left of the name without the match is the parameter ``name``.
    """
    match = re.search(pattern, name)
    if match is None:
        return {}
    groups = {key: value for key, value in match.groupdict().items() if value is not None}
    if "size" not in groups and match.lastindex and match[1] is not None:
        groups["size"] = match[1]
    rest = f"{name[: match.start()].rstrip(_EDGES)} {name[match.end() :].lstrip(_EDGES)}"
    return {"name": rest.strip() or name, **groups}


def name_pattern(option: str, expression: str) -> str:
    """Return an expression that was typed; raises `UserError` naming the option if it is none."""
    try:
        groups = re.compile(expression).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(f"{option} {expression!r}: not a regular expression: {error}") from None
    if not groups:
        raise UserError(
            f"{option} {expression!r} has no group: put the size in ( ), as in '_(\\d+)$'"
        )
    return expression


def are_numbered(names: Iterable[str]) -> bool:
    """Return whether these are asv's names for parameters of which none is known."""
    return all(_UNNAMED.fullmatch(name) for name in names)


class ParameterRoles(Struct, frozen=True, kw_only=True):
    """The parameters that hold the backend (joined by ``:``) and the size.

    Without ``by`` that is ``backend``, or ``name`` where a pattern finds the parameters in names.
    ``pattern`` finds some in names, as `parameters_in` does; None where names hold none, except in
    formats that have no others.
    """

    by: tuple[str, ...] = ()
    size: str = "size"
    pattern: str | None = None

    @property
    def backends(self) -> tuple[str, ...]:
        """The parameters that hold the backend."""
        return self.by or ("backend" if self.pattern is None else "name",)

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.backends, self.size))

    @property
    def are_usual(self) -> bool:
        """Whether no role was named."""
        return self == ParameterRoles()

    @property
    def across_machines(self) -> bool:
        """Whether machines are what is compared, which nothing else may divide by each other."""
        return MACHINE in self.backends

    def in_names(self) -> ParameterRoles:
        """Return the roles for a format whose only parameters stand in its names."""
        return replace(self, pattern=self.pattern or TRAILING_NUMBER)

    def parameters(self, name: str, machine: str) -> dict[str, Any]:
        """Return the parameters that a benchmark has besides those that its tool states."""
        named = {} if self.pattern is None else parameters_in(name, self.pattern)
        return {MACHINE: machine, **named}

    def backend(self, parameters: Mapping[str, Any]) -> str:
        return ":".join(label(parameters[name]) for name in self.backends)

    def others(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Return the parameters that hold neither backend nor size."""
        own = {*self.names, MACHINE}
        return {name: label(value) for name, value in parameters.items() if name not in own}

    def ground(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a row that parameters of their names hold, ``device`` among them."""
        fields: dict[str, Any] = {
            name: label(parameters[name])
            for name in _TEXTS
            if name in parameters and name not in self.names
        }
        if device := _DEVICE.match(label(parameters.get("device", ""))):
            fields["device"] = device[1].lower()
        return fields

    def size_of(self, parameters: Mapping[str, Any]) -> int | float | None:
        """Return the size; None for what is no number above 0."""
        size = number(parameters[self.size])
        return size if size is not None and 0 < size < float("inf") else None

    def missing(self, source: str, unused: Iterable[str]) -> UserError:
        """Return the error for a source without any benchmark that has these parameters.

        ``unused`` are the parameters that its benchmarks do have.
        """
        known = sorted({label(name) for name in unused} - {MACHINE})
        absent = sorted(name for name in self.names - {MACHINE} if name not in known)
        if not known:
            return UserError(
                f"{source}: no benchmark of time in it has parameters; choose another, or find the "
                "size in its name with --size-regex"
            )
        if are_numbered(known):
            return UserError(
                f"{source}: asv's list benchmarks.json, which names parameters, is not beside it; "
                f"name with --by and --size some of {', '.join(known)}"
            )
        if not absent:
            together = ", ".join(sorted(self.names))
            return UserError(
                f"{source}: no benchmark has all of {together}; name others with --by and --size"
            )
        near = get_close_matches(absent[0], known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return UserError(
            f"{source}: no benchmark has a parameter {absent[0]!r}; {hint}"
            f"name with --by and --size some of {shortened(', '.join(known), _LONGEST)}"
        )
