"""Units of time as tools write them: ``ns/iter``, ``µs/op``, ``sec``, ``ops/sec``."""

from __future__ import annotations

from msgspec import Struct

from perceptron.records.readers.values import duration

# Two characters look like µ: the micro sign and the Greek letter.
_SECONDS = {
    1e-9: ("ns", "nsec", "nanosecond", "nanoseconds"),
    1e-6: ("us", "usec", "\u00b5s", "\u03bcs", "microsecond", "microseconds"),
    1e-3: ("ms", "msec", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
}
_UNITS = {name: seconds for seconds, names in _SECONDS.items() for name in names}
_ONCE = frozenset(
    ("iter", "iters", "iteration", "iterations", "it", "op", "ops", "operation", "call", "calls")
) | {"run", "runs", "loop", "exec", "bench"}


class TimeUnit(Struct, frozen=True):
    """A unit of so many seconds, or a rate of so many in them."""

    seconds: float
    is_rate: bool

    def in_seconds(self, value: float) -> float | None:
        """Return what a value of this unit is in seconds; None for what is no time."""
        if not self.is_rate:
            return duration(value * self.seconds)
        return duration(self.seconds / value) if value else None


def time_unit(text: str) -> TimeUnit | None:
    """Return the unit that a text names; None for one of anything else than the time of a run."""
    name, _, per = text.strip().lower().partition("/")
    if name in _UNITS and (not per or per in _ONCE):
        return TimeUnit(_UNITS[name], is_rate=False)
    if name in _ONCE and per in _UNITS:
        return TimeUnit(_UNITS[per], is_rate=True)
    return TimeUnit(1.0, is_rate=True) if name == "hz" and not per else None
