"""What machines cost by the hour, as a user writes it down in a TOML file.

``currency = "USD"`` and a table ``[per_hour]`` of machines' names, or patterns of names such as
``"epyc-*"``, with a number each. The file is untrusted: values are decoded and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from perceptron.config_file import read_toml
from perceptron.errors import UserError
from perceptron.untrusted_text import quoted

# Nothing that is rented costs more an hour, in any currency; a larger number is a slip.
_MOST = 1e9
# Of an integer that is repeated to the user: Python refuses to write thousands of digits.
_MOST_BITS = 64
_WILD = frozenset("*?[")


class Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices by the hour, by machine's name or pattern; ``currency`` is a code of ISO 4217."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    per_hour: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=200)], float], Meta(min_length=1)
    ]

    def of(self, machine: str) -> float | None:
        """Return the price of a machine: under its own name, else under the first pattern it fits.

        None where the file does not say.
        """
        if machine in self.per_hour:
            return self.per_hour[machine]
        return next(
            (price for name, price in self.per_hour.items() if fnmatchcase(machine, name)), None
        )

    def unknown(self, machines: Iterable[str]) -> list[str]:
        """Return a line for each name or pattern that is none of the machines'."""
        known = list(dict.fromkeys(machines))
        return [
            _no_machine(name, known)
            for name in self.per_hour
            if not any(name == machine or fnmatchcase(machine, name) for machine in known)
        ]


def _no_machine(name: str, machines: list[str]) -> str:
    near = [] if _WILD & set(name) else get_close_matches(name, machines, n=1)
    hint = f"did you mean {quoted(near[0])}?" if near else "check its name on the Machines page"
    return f"per_hour: no machine is called {quoted(name)}: {hint}"


def read_prices(file: Path) -> Prices:
    """Read a file of prices; raises `UserError`, one line that names the file and the key."""
    try:
        return _prices(read_toml(file))
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _prices(raw: dict[str, object]) -> Prices:
    currency = raw.get("currency")
    if isinstance(currency, str) and not (currency.isascii() and len(currency) == 3):
        raise UserError(f"currency: {quoted(currency)} is no code such as USD, EUR or CNY")
    table = raw.get("per_hour")
    for name, price in table.items() if isinstance(table, dict) else ():
        if isinstance(price, bool) or not isinstance(price, int | float):
            kind = type(price).__name__
            raise UserError(f"per_hour.{quoted(name)}: a number is wanted, got a {kind}")
        if not 0 <= price <= _MOST:  # nan is not, and no integer is too large to be compared
            is_long = isinstance(price, int) and price.bit_length() > _MOST_BITS
            given = "a number that long" if is_long else price
            raise UserError(
                f"per_hour.{quoted(name)}: {given} is no price: give a number from 0 to {_MOST:g}"
            )
    try:
        return msgspec.convert(raw, Prices)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        example = 'currency = "USD" and a table [per_hour] with "NAME" = 1.20'
        raise UserError(f"{path.rstrip('`') + ': ' if path else ''}{what}; {example}") from None
