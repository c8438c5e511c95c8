"""What a table's columns hold, and which parameters of a benchmark are its backend and size."""

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
"""The columns of a table that are fields of a row, by their names; a name is in small letters."""
_OF_PARAMETERS = ("dtype", "optimizer", "feed")
"""Those that a parameter of the name is too, as it stands."""
_DEVICE = re.compile(r"(?:device\(type=')?(cpu|gpu|cuda|mps|xpu|tpu|rocm)\b", re.IGNORECASE)
# A number at the end of a name, behind something that separates.
TRAILING_NUMBER = r"[/_:=, (\[-](?P<size>\d+(?:\.\d+)?)[)\]]?$"
_USUAL_SIZE = "size"
_EDGES = " /_:=,.-"


def parameters_in(name: str, pattern: str) -> dict[str, str]:
    """Return the parameters that a regular expression finds in a name; none without a match.

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


class ParameterRoles(Struct, frozen=True, kw_only=True):
    """The parameters that hold the backend (joined by ``:``) and the size.

    Without ``by`` that is ``backend``, or ``name`` where a pattern finds the parameters in names.
    ``pattern`` finds some in names, as `parameters_in` does; None where names hold none, except in
    formats that have no others.
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
        """Return the roles for a format that has parameters in its names alone."""
        return replace(self, pattern=self.pattern or TRAILING_NUMBER)

    def parameters(self, name: str) -> dict[str, str]:
        """Return the parameters in a benchmark's name."""
        return {} if self.pattern is None else parameters_in(name, self.pattern)

    def parameters_of(self, title: str, name: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters of a benchmark: those stated, and those in its title.

        A pattern that was typed comes first. Of a tool that states no parameter of the size's usual
        name, the last number is the size. ``name`` is the title without those stated.
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
        others = {name: value for name, value in stated.items() if name != sizes[-1]}
        return {**others, _USUAL_SIZE: stated[sizes[-1]]}

    def place(
        self, parameters: Mapping[str, Any], telling: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]] | None:
        """Return the fields of a row that its parameters hold, and the other parameters.

        Fields are backend and size, and what bears a field's name. Others are all that hold neither
        backend nor size, or of these the ``telling``. None where the size is no number above 0.
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
    """Return the roles that a user names; ``option`` is the one that the expression is given by.

    Raises `UserError` naming it if that is no regular expression with a group.
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
