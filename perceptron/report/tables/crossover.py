"""Crossovers as tables, for the terminal and the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.crossover.amortise import Amortisation
from perceptron.analysis.crossover.judge import Crossover
from perceptron.report.numbers import duration_interval, sentence

CROSSOVER_COLUMNS = ("family", "incumbent → challenger", "ground", "status", "answer")
AMORTISATION_COLUMNS = (
    "family",
    "size>",
    "faster",
    "per iteration",
    "to prepare",
    "slower",
    "per iteration",
    "to prepare",
    "ahead from iteration>",
)
# Sizes that a table of amortisations shows of each pair.
_SIZES = 7


def crossover_cells(found: Iterable[Crossover]) -> list[tuple[str, ...]]:
    """A line for each pair that was measured."""
    return [
        (
            each.family,
            f"{each.incumbent} → {each.challenger}",
            place(each),
            status(each),
            sentence(each) + (f" ({each.reason})" if each.reason else ""),
        )
        for each in found
        if each.status != "not measured"
    ]


def status(found: Crossover) -> str:
    """The status, and whether it is to be trusted."""
    return f"{found.status}, not sure" if found.unsure else found.status


def place(found: Crossover) -> str:
    """Where and how it was measured, as far as that is known."""
    threads = None if found.threads is None else f"{found.threads} threads"
    machine = None if found.machine == "unknown" else found.machine
    return ", ".join(filter(None, (machine, found.dtype, threads))) or "–"


def amortisation_cells(found: Sequence[Amortisation]) -> list[tuple[str, ...]]:
    """A line for some sizes of each pair, evenly spread, the first and the last among them."""
    pairs: dict[tuple[object, ...], list[Amortisation]] = {}
    for each in found:
        key = (
            each.family,
            each.machine,
            each.dtype,
            each.threads,
            *sorted((each.faster, each.slower)),
        )
        pairs.setdefault(key, []).append(each)
    return [_cells(each) for members in pairs.values() for each in _some(members)]


def _some(members: list[Amortisation]) -> list[Amortisation]:
    count = min(_SIZES, len(members))
    places = {round(step * (len(members) - 1) / max(1, count - 1)) for step in range(count)}
    return [members[place] for place in sorted(places)]


def _cells(each: Amortisation) -> tuple[str, ...]:
    spans = (each.faster_seconds, each.faster_prepare, each.slower_seconds, each.slower_prepare)
    fast, fast_prepare, slow, slow_prepare = (
        duration_interval(span.estimate, span.low, span.high) for span in spans
    )
    high = "…" if each.high is None else f"{each.high:,}"
    ahead = "1" if each.high == 1 else f"{each.iterations:,} [{each.low:,}, {high}]"
    return (
        each.family,
        f"{each.size:,}",
        each.faster,
        fast,
        fast_prepare,
        each.slower,
        slow,
        slow_prepare,
        ahead,
    )
