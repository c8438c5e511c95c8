"""The columns of a table, and the parameters of a benchmark that are its backend and size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.readers.values import number
from perceptron.untrusted_text import label

Kind = Literal["text", "name", "revision", "number", "time", "count"]
FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("case", "backend", "machine", "environment", "dtype"), "text"),
    **dict.fromkeys(("device", "optimizer", "feed"), "name"),
    **dict.fromkeys(("commit", "version"), "revision"),
    **dict.fromkeys(("threads", "batch", "outputs", "models"), "count"),
    "size": "number",
    **dict.fromkeys(("seconds", "stdev"), "time"),
}
"""The columns of a table that are fields of a row; kind "name" is stored in lower case."""
_OF_PARAMETERS = ("dtype", "optimizer", "feed")
"""The fields that a parameter of the same name fills unchanged."""
_DEVICE = re.compile(r"(?:device\(type=')?(cpu|gpu|cuda|mps|xpu|tpu|rocm)\b", re.IGNORECASE)
# A number at the end of a name, after a separator.
TRAILING_NUMBER = r"[/_:=, (\[-](?P<size>\d+(?:\.\d+)?)[)\]]?$"
_USUAL_SIZE = "size"
_EDGES = " /_:=,.-"


def parameters_in(name: str, pattern: str) -> dict[str, str]:
    """Return the parameters that a regular expression finds in a name; empty without a match.

    Each named group is a parameter; without a group called ``size`` the first group is the size.
    The rest of the name is the parameter ``name``.
    """
    match = re.search(pattern, name)
    if match is None:
        return {}
    groups = {key: value for key, value in match.groupdict().items() if value is not None}
    if "size" not in groups and match.lastindex and match[1] is not None:
        groups["size"] = match[1]
    rest = f"{name[: match.start()].rstrip(_EDGES)} {name[match.end() :].lstrip(_EDGES)}"
    return {"name": rest.strip() or name, **groups}


class ParameterRoles(Struct, frozen=True, kw_only=True):
    """The parameters that hold the backend (joined by ``:``) and the size.

    Without ``by`` the backend is the parameter ``backend``, or ``name`` if there is a ``pattern``:
    a regular expression that finds parameters in names, see `parameters_in`.
    """

    by: tuple[str, ...] = ()
    size: str = _USUAL_SIZE
    pattern: str | None = None

    @property
    def backends(self) -> tuple[str, ...]:
        """The parameters that hold the backend."""
        return self.by or ("backend" if self.pattern is None else "name",)

    @property
    def names(self) -> frozenset[str]:
        return frozenset((*self.backends, self.size))

    def in_names(self) -> ParameterRoles:
        """Return the roles for a format whose parameters stand only in names."""
        return replace(self, pattern=self.pattern or TRAILING_NUMBER)

    def parameters(self, name: str) -> dict[str, str]:
        """Return the parameters in a benchmark's name."""
        return {} if self.pattern is None else parameters_in(name, self.pattern)

    def parameters_of(self, title: str, name: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters of a benchmark: those stated, and those in its title.

        A ``pattern`` takes precedence. If no stated parameter is called ``size``, the last number
        among them is the size. ``name`` is the title without the stated parameters.
        """
        if self.pattern is None:
            parameters = {"name": name, **self._with_size(stated)}
            if self.size in parameters:
                return parameters
        return {"name": name, **stated, **self.in_names().parameters(title)}

    def _with_size(self, stated: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.size != _USUAL_SIZE or _USUAL_SIZE in stated:
            return stated
        backends = self.in_names().backends
        numbers = [name for name in stated if number(stated[name]) is not None]
        sizes = [name for name in numbers if name not in backends]
        if not sizes:
            return stated
        last = sizes[-1]
        others = {name: value for name, value in stated.items() if name != last}
        return {**others, _USUAL_SIZE: stated[last]}

    def place(
        self, parameters: Mapping[str, Any], telling: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]] | None:
        """Return the fields of a row that its parameters hold, and the other parameters.

        The fields are backend, size and parameters named like a field. The others are taken from
        ``telling`` if given. Returns None if the size is not a finite number above 0.
        """
        size = number(parameters[self.size])
        if size is None or not 0 < size < inf:
            return None
        names = self.names
        fields: dict[str, Any] = {
            "size": size,
            "backend": ":".join(label(parameters[name]) for name in self.backends),
        }
        for name in _OF_PARAMETERS:
            if name in parameters and name not in names:
                fields[name] = label(parameters[name])
        if device := _DEVICE.match(label(parameters.get("device", ""))):
            fields["device"] = device[1].lower()
        shown = parameters if telling is None else telling
        return fields, {name: label(value) for name, value in shown.items() if name not in names}


def roles_of(
    by: str | Sequence[str], size: str | None, expression: str | None, option: str = "size_regex"
) -> ParameterRoles:
    """Return the roles that a user names.

    Raises `UserError` naming ``option`` if the expression is no regular expression with a group.
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    roles = ParameterRoles(by=by, size=size or "size", pattern=expression)
    if expression is None:
        return roles
    try:
        groups = re.compile(expression).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(f"{option} {expression!r}: not a regular expression: {error}") from None
    if not groups:
        raise UserError(
            f"{option} {expression!r} has no group: put the size in ( ), as in '_(\\d+)$'"
        )
    return roles
