"""Numbers as foreign files write them."""

from __future__ import annotations

import re
from math import isfinite

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Whole numbers beyond this are not told apart by floats.
_LARGEST_WHOLE = 2**53


def number(value: object) -> int | float | None:
    """Return the number that a value is or spells, a whole one as int; None if it is none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_WHOLE else None
    is_whole = isfinite(value) and value.is_integer() and abs(value) <= _LARGEST_WHOLE
    return int(value) if is_whole else value


def duration(value: object) -> float | None:
    """Return a time in seconds, above 0 and finite; None for everything else."""
    seconds = None if isinstance(value, str) else number(value)
    return float(seconds) if seconds is not None and 0 < seconds < float("inf") else None


def stdev(value: object) -> float | None:
    """Return a standard deviation in seconds, from 0 up; None for everything else."""
    return 0.0 if value == 0 and not isinstance(value, bool) else duration(value)
