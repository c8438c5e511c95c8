"""Which parameters of a foreign benchmark hold the backend and the size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.readers.values import number
from perceptron.untrusted_text import label, quoted

_DEVICE = re.compile(r"(?:device\(type=')?(cpu|gpu|cuda|mps|xpu|tpu|rocm)\b", re.IGNORECASE)


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
        """Return the ``dtype`` and ``device`` of a row, if there are parameters of these names."""
        fields: dict[str, Any] = {}
        if "dtype" in parameters and "dtype" not in self.by:
            fields["dtype"] = label(parameters["dtype"])
        if device := _DEVICE.match(label(parameters.get("device", ""))):
            fields["device"] = device[1].lower()
        return fields

    def size_of(self, parameters: Mapping[str, Any], where: str) -> int | float:
        """Return the size; raises `UserError` that begins with ``where`` if it is not above 0."""
        value = parameters[self.size]
        size = number(value)
        if size is None or not 0 < size < float("inf"):
            raise UserError(
                f"{where}, parameter {self.size!r}: {quoted(value)} is not a size above 0; "
                "name with --size the parameter that holds a number"
            )
        return size

    def missing(self, source: str, unused: Iterable[str]) -> UserError:
        """Return the error for a source without any benchmark that has these parameters.

        ``unused`` are the parameters that its benchmarks do have.
        """
        known = sorted(unused)
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
