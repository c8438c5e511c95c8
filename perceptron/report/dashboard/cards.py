"""The cards of the first page: answers in a few words."""

from __future__ import annotations

from typing import Any

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FindingRow
from perceptron.report import numbers
from perceptron.report.crossover_words import sentence
from perceptron.untrusted_text import shortened


def cards(bench: BenchResult) -> list[dict[str, Any]]:
    """Return the answers in a few words: a large number, what it is, and whether it is sure."""
    found = [_finding_card(bench.finding), *_crossing_cards(bench.crossovers)]
    return [card for card in found if card is not None]


def _finding_card(rows: list[FindingRow]) -> dict[str, Any] | None:
    measured = [row for row in rows if row.ratio_to_published is not None]
    if len(measured) < 2:
        return None
    slowest = max(measured, key=lambda row: row.ratio_to_published or 0.0)
    low, high = slowest.published_low, slowest.published_high
    ratio = numbers.interval(slowest.ratio_to_published or 0.0, low, high)
    return {
        "sure": low is not None and high is not None and not low <= 1 <= high,
        "number": f"{numbers.digits(slowest.ratio_to_published or 0.0)} ×",
        "what": f"{shortened(slowest.backend)} takes {ratio} times as long as the walk-through's "
        "NumPy for 10,000 iterations on the OR gate",
    }


def _crossing_cards(crossovers: list[Crossover]) -> list[dict[str, Any]]:
    return [
        {
            "number": numbers.digits(crossover.size),
            "what": f"{shortened(crossover.family)}: {shortened(sentence(crossover), 200)}",
            "sure": crossover.sure,
        }
        for crossover in crossovers
        if crossover.size is not None and crossover.status in ("crosses", "reverses")
    ][:3]
