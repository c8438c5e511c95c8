"""Convert numbers, times and units of other tools' files: ``ns/iter``, ``µs/op``, ``ops/sec``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import inf, isfinite, sqrt
from typing import Any, Literal, get_args

from msgspec import Struct

from perceptron.untrusted_text import label

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DIGEST = re.compile(r"[0-9a-fA-F]{12,}", re.ASCII)
_DIGEST_DIGITS = 12
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# The largest whole number up to which floats are exact.
_LARGEST_WHOLE = 2**53
# Two characters look like µ: the micro sign and the Greek letter mu.
_SECONDS = {
    1e-9: ("ns", "nanosecond", "nanoseconds"),
    1e-6: ("us", "\u00b5s", "\u03bcs", "microsecond", "microseconds"),
    1e-3: ("ms", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "second", "seconds"),
}
_UNITS = {name: seconds for seconds, names in _SECONDS.items() for name in names}
UnitName = Literal["s", "ms", "us", "ns"]
SECONDS_IN: Mapping[UnitName, float] = {name: _UNITS[name] for name in get_args(UnitName)}
"""Seconds in the units that a user names."""
# Names of one run of a benchmark, as in ns/iter.
_ONCE = frozenset(("iter", "op", "ops", "call", "calls", "run", "runs", "exec"))


def number(value: object) -> int | float | None:
    """Convert a number or its text to int if whole, else float; None for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_WHOLE else None
    is_whole = isfinite(value) and value.is_integer() and abs(value) <= _LARGEST_WHOLE
    return int(value) if is_whole else value


def duration(value: object) -> float | None:
    """Return a finite number above 0 as float; None for anything else."""
    if type(value) is float:  # nearly always: this is called for every number of a file
        return value if 0 < value < inf else None
    seconds = None if isinstance(value, str) else number(value)
    return float(seconds) if seconds is not None and 0 < seconds < inf else None


def revision(text: object) -> str | None:
    """Return a revision or version as rows store it; None if empty.

    A digest is cut to its first 12 digits; a name, such as a branch's, stays whole.
    """
    name = "" if text is None else label(text)
    return (name[:_DIGEST_DIGITS] if _DIGEST.fullmatch(name) else name) or None


def in_utc(text: object) -> str | None:
    """Convert an ISO 8601 time to UTC, so that times sort as texts; None if it is not one.

    A time without an offset is taken as UTC.
    """
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
        parsed = parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed.strftime(_ISO)


def moment(milliseconds: object) -> str:
    """Convert ``milliseconds`` since 1970 to ISO 8601 in UTC; empty if they are no time."""
    valid = duration(milliseconds)
    if valid is None:
        return ""
    try:
        return datetime.fromtimestamp(valid / 1000, UTC).strftime(_ISO)
    except (ValueError, OverflowError, OSError):
        return ""


StatedTime = dict[str, Any]
"""The fields of a `Measurement` for a time, or for the reason why there is none."""


def stated_time(
    seconds: object,
    *,
    deviation: object = None,
    samples: object = (),
    ends: tuple[object, object] = (None, None),
    quartiles: tuple[object, object, object] = (None, None, None),
) -> StatedTime | None:
    """Return the fields of a time, all in seconds; None if ``seconds`` is no number above 0.

    ``ends`` are the ends of its 99% interval; an end that is no number above 0 is None. Without
    both, the interval is that of a median, from ``quartiles``: lower, upper, number of values.
    """
    time = duration(seconds)
    if time is None:
        return None
    low, high = map(duration, ends)
    if low is None and high is None:
        low, high = map(duration, _median_interval(time, *quartiles))
    times = map(duration, samples if isinstance(samples, list) else ())
    return {
        "seconds": time,
        "samples": [sample for sample in times if sample is not None],
        "stdev": _from_0_up(deviation),
        "low": None if low is None else min(low, time),
        "high": None if high is None else max(high, time),
    }


def _from_0_up(value: object) -> float | None:
    return 0.0 if value == 0 and not isinstance(value, bool) else duration(value)


def _median_interval(
    seconds: float, lower_quartile: object, upper_quartile: object, count: object
) -> tuple[float | None, float | None]:
    """Return the ends of a median's 99% interval from the quartiles of ``count`` values.

    The standard error of a median is 1.2533 of a mean's, and quartiles of normal values are 1.349
    standard deviations apart (McGill, Tukey and Larsen, The American Statistician 32, 1978, draw
    notches from the same). Without quartiles or with one value there is no interval.
    """
    low, high, values = _from_0_up(lower_quartile), duration(upper_quartile), number(count)
    if low is None or high is None or values is None or values < 2:
        return None, None
    error = 1.2533 / 1.349 * max(0.0, high - low) / sqrt(values)
    half_width = error * _student(int(min(values, 1000)) - 1)
    return seconds - half_width, seconds + half_width


@lru_cache(maxsize=1024)
def _student(df: int) -> float:
    """Return the half-width of a 99% interval in standard errors, for ``df`` degrees of freedom."""
    from scipy import special  # takes too long for the help of a command

    return float(special.stdtrit(df, 0.995))


def without_address(text: str) -> str:
    """Return an object's ``repr`` without its memory address, which differs between processes."""
    return _ADDRESS.sub("", text)


class TimeUnit(Struct, frozen=True):
    """A unit of time in seconds, or a rate: a number of things in that time."""

    seconds: float
    is_rate: bool

    def in_seconds(self, value: float) -> float | None:
        """Convert a value of this unit to seconds; None if it is no time above 0."""
        if not self.is_rate:
            return duration(value * self.seconds)
        return duration(self.seconds / value) if value else None


def time_unit(text: str) -> TimeUnit | None:
    """Parse a unit of the time of one run, or of a rate of runs; None for any other text."""
    name, _, per = text.strip().lower().partition("/")
    if name in _UNITS and (not per or per in _ONCE):
        return TimeUnit(_UNITS[name], is_rate=False)
    if name in _ONCE and per in _UNITS:
        return TimeUnit(_UNITS[per], is_rate=True)
    return TimeUnit(1.0, is_rate=True) if name == "hz" and not per else None
