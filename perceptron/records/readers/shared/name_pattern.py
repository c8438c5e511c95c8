"""Benchmarks whose parameters stand in their names: ``bench_rust_1000``, ``BM_sort/4096``."""

from __future__ import annotations

import re

from msgspec import Struct

from perceptron.errors import UserError

# A number at the end of a name, behind something that separates.
TRAILING_NUMBER = r"[/_:=, (\[-](?P<size>\d+(?:\.\d+)?)[)\]]?$"
_EDGES = " /_:=,.-"


class NamePattern(Struct, frozen=True):
    """A regular expression that finds the size, and maybe other parameters, in a name."""

    expression: str = TRAILING_NUMBER

    def parameters(self, name: str) -> dict[str, str]:
        """Return what the pattern finds in a name; nothing where it does not match.

        A named group is a parameter; without a group called ``size`` the first one is the size.
        What is left of the name without the match is the parameter ``name``.
        """
        match = re.search(self.expression, name)
        if match is None:
            return {}
        groups = {key: value for key, value in match.groupdict().items() if value is not None}
        if "size" not in groups and match.lastindex and match[1] is not None:
            groups["size"] = match[1]
        rest = f"{name[: match.start()].rstrip(_EDGES)} {name[match.end() :].lstrip(_EDGES)}"
        return {"name": rest.strip() or name, **groups}


def name_pattern(option: str, expression: str) -> NamePattern:
    """Return the pattern that was typed; raises `UserError` naming the option."""
    try:
        groups = re.compile(expression).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(f"{option} {expression!r}: not a regular expression: {error}") from None
    if not groups:
        raise UserError(
            f"{option} {expression!r} has no group: put the size in ( ), as in '_(\\d+)$'"
        )
    return NamePattern(expression)
