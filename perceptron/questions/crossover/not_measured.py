"""Why pairs of backends were not measured, in lines that a user reads."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.verdict import is_measured

# Pairs that are named before a reason that names no backend.
_PAIRS = 3


def missing(crossovers: Iterable[Crossover]) -> list[str]:
    """Return the reasons why pairs were not measured, each once.

    A reason that names no backend is preceded by its pairs. Its families follow, unless it holds in
    all of them.
    """
    crossovers = list(crossovers)
    by_reason: dict[str, list[Crossover]] = {}
    for crossover in crossovers:
        if not is_measured(crossover):
            for reason in filter(None, (crossover.reason or "").split("; ")):
                by_reason.setdefault(reason, []).append(crossover)
    every_family = len({crossover.family for crossover in crossovers})
    return [
        f"{_pairs(reason, members)}{reason}{_families(members, every_family)}"
        for reason, members in by_reason.items()
    ]


def _pairs(reason: str, absent: Iterable[Crossover]) -> str:
    """Return the prefix with a reason's pairs; empty if the reason names a backend itself."""
    pairs = dict.fromkeys((crossover.incumbent, crossover.challenger) for crossover in absent)
    if any(name in reason for pair in pairs for name in pair):
        return ""
    named_pairs = [f"{incumbent} and {challenger}" for incumbent, challenger in pairs]
    more = len(named_pairs) - _PAIRS
    shown = ", ".join(named_pairs[:_PAIRS])
    return f"{shown} and {more:,} more: " if more > 0 else f"{shown}: "


def _families(absent: Iterable[Crossover], every_family: int) -> str:
    names = list(dict.fromkeys(crossover.family for crossover in absent))
    return "" if len(names) == every_family else f" (in {', '.join(names)})"
