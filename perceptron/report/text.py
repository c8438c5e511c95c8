"""Numbers as people read them: three digits, a unit, an interval."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10

from perceptron.analysis.crossover import Crossover
from perceptron.analysis.finding import FindingRow

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def digits(value: float, significant: int = 3) -> str:
    """The value rounded to significant digits, without an exponent: 0.0412, 4.12, 412, 41,200."""
    if value == 0:
        return "0"
    places = significant - 1 - floor(log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:,.{max(0, places)}f}"


def duration(seconds: float) -> str:
    """A time in the unit that gives it one to three digits before the point."""
    scale, unit = next((pair for pair in _UNITS if abs(seconds) >= pair[0]), _UNITS[-1])
    return f"{digits(seconds / scale)} {unit}"


def tick(seconds: float) -> str:
    """A round time at an axis: 10 µs, 0.5 ms."""
    scale, unit = next((pair for pair in _UNITS if abs(seconds) >= pair[0] * 0.999), _UNITS[-1])
    return f"{seconds / scale:g} {unit}"


def duration_interval(seconds: float, low: float | None, high: float | None) -> str:
    """A time with its interval in one unit, or a note that there is none."""
    scale, unit = next((pair for pair in _UNITS if abs(seconds) >= pair[0]), _UNITS[-1])
    return f"{interval(seconds / scale, _over(low, scale), _over(high, scale))} {unit}"


def interval(value: float, low: float | None, high: float | None) -> str:
    """``4.12 [4.05, 4.19]``; an end that is None is open, and two are no interval."""
    if low is None and high is None:
        return f"{digits(value)} [one value]"
    ends = ("…" if end is None else digits(end) for end in (low, high))
    return f"{digits(value)} [{', '.join(ends)}]"


def memory(size: int) -> str:
    """Bytes in GiB."""
    return f"{size / 2**30:.1f} GiB"


def finding_sentence(rows: Iterable[FindingRow]) -> str:
    """The finding in one sentence, from the backends that were measured."""
    told = [
        f"{row.backend} {duration_interval(row.seconds, row.low, row.high)}"
        for row in rows
        if row.seconds is not None
    ]
    return f"10,000 iterations on the OR gate: {', '.join(told)}."


def sentence(found: Crossover) -> str:
    """What a crossover says, in words with its numbers."""
    size = None if found.size is None else interval(found.size, found.low, found.high)
    return {
        "crosses": f"{found.challenger} from {size} on",
        "reverses": f"{found.challenger} first, {found.incumbent} from {size} on",
        "always": f"{found.challenger} everywhere",
        "never": f"{found.incumbent} everywhere, {found.challenger} nowhere",
        "multiple": "; ".join(
            f"{getattr(found, crossing.direction)} from {digits(crossing.size)} on"
            for crossing in found.crossings
        ),
        "tie": "neither",
        "suspect": "not believable",
        "not measured": "not measured",
    }[found.status]


def _over(value: float | None, scale: float) -> float | None:
    return None if value is None else value / scale
