"""Numbers as people read them: three digits, a unit, an interval."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.stored.finding import FindingRow

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def digits(value: float, significant: int = 3) -> str:
    """The value rounded to significant digits: 0.0412, 4.12, 412, 41,200.

    An exponent only where nobody would count the zeros: 1.5e-20.
    """
    if value == 0:
        return "0"
    if not 1e-13 < abs(value) < 1e15:
        return f"{value:.{significant}g}"
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


FINDING_COLUMNS = (
    "backend",
    "dtype",
    "whole training [95 % interval]",
    "× numpy",
    "× numpy-published",
    "published",
)


def finding_cells(row: FindingRow) -> tuple[str, ...]:
    """A row of the finding, as text, for the console, the page and the README alike."""
    published = "–"
    if row.published_seconds is not None and row.published_ratio is not None:
        published = f"{row.published_seconds:g} s (× {digits(row.published_ratio)})"
    whole = f"not measured: {row.reason}"
    if row.seconds is not None:
        whole = duration_interval(row.seconds, row.low, row.high)
    return (
        row.backend,
        row.dtype or "–",
        whole,
        _ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
        _ratio(row.ratio_to_published, row.published_low, row.published_high),
        published,
    )


def _ratio(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    return "1" if value == low == high == 1.0 else interval(value, low, high)


def finding_sentence(rows: Iterable[FindingRow]) -> str:
    """The finding in one sentence, from the backends that were measured."""
    told = [
        f"{row.backend} {duration_interval(row.seconds, row.low, row.high)}"
        for row in rows
        if row.seconds is not None
    ]
    return f"10,000 iterations on the OR gate: {', '.join(told)}."


def missing(found: Iterable[Crossover]) -> list[str]:
    """Why pairs were not measured, each reason once; where, unless it is so in every family."""
    found = list(found)
    families: dict[str, list[str]] = {}
    for each in found:
        for part in (each.reason or "").split("; ") if each.status == "not measured" else ():
            if part and each.family not in families.setdefault(part, []):
                families[part].append(each.family)
    everything = len({each.family for each in found})
    return [
        reason if len(where) == everything else f"{reason} (in {', '.join(where)})"
        for reason, where in families.items()
    ]


def sentence(found: Crossover) -> str:
    """What a crossover says, in words with its numbers."""
    sure = "sure " if found.unsure else ""
    size = None if found.size is None else interval(found.size, found.low, found.high)
    return {
        "crosses": f"{found.challenger} from {size} on",
        "reverses": f"{found.challenger} first, {found.incumbent} from {size} on",
        "always": f"{found.challenger} at every {sure}size",
        "never": f"{found.incumbent} at every {sure}size",
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
