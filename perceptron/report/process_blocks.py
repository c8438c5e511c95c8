"""Blocks of README and docs about training over several processes: from which size up it pays."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.disturbed import disturbed_samples
from perceptron.records.measurement import Measurement
from perceptron.report.crossover_words import (
    answer,
    doubt_in_short,
    is_measured,
    missing,
    sentence,
    status,
)
from perceptron.report.newest_runs import SEVERAL_FAMILIES, SEVERAL_PAIRS
from perceptron.report.numbers import rough_percent
from perceptron.report.tables import markdown

SEARCHED = f"crossover --family {','.join(SEVERAL_FAMILIES)} --processes 1,2"
"""The search that is shown, as typed."""
COLUMNS = ("family", "pair", "status", "who is faster [95 % interval]")


def process_blocks(result: CrossoverResult | None) -> dict[str, str]:
    """Return the block with every pair of the search, by name."""
    if result is None:
        return {"processes": f"Not measured yet: `perceptron {SEARCHED}` does."}
    rows = [
        (
            f"`{crossover.family}`",
            f"{crossover.incumbent} → {crossover.challenger}",
            status(crossover),
            answer(crossover),
        )
        for crossover in result.crossovers
        if is_measured(crossover)
    ]
    reasons = [f"\nNot measured: {reason}." for reason in missing(result.crossovers)]
    lines = [*markdown.table(COLUMNS, rows), *reasons, "", ground_of(result)]
    return {"processes": "\n".join(lines)}


def in_short(result: CrossoverResult) -> str:
    """Return from which size up the most processes beat what trains in one without DDP.

    A doubt is said in a few words: where it is, and how disturbed the samples there were.
    """
    by_family = {
        crossover.family: f"{sentence(crossover)}{_doubt(crossover, result.rows)}"
        for crossover in result.crossovers
        if (crossover.incumbent, crossover.challenger) == SEVERAL_PAIRS[-1]
        and is_measured(crossover)
    }
    return "; ".join(f"{name}: {words}" for name, words in by_family.items()) or "not measured"


def _doubt(crossover: Crossover, rows: Iterable[Measurement]) -> str:
    """Return the doubt in brackets, with a space before them; empty if there is none."""
    words = doubt_in_short(crossover)
    if not words:
        return ""
    pair = (crossover.incumbent, crossover.challenger)
    behind = (
        row
        for row in rows
        if row.family == crossover.family
        and row.backend in pair
        and any(low <= row.size <= high for low, high in crossover.unsure)
    )
    disturbed, taken = disturbed_samples(behind)
    share = f", {rough_percent(disturbed / taken)} of samples disturbed" if disturbed else ""
    return f" ({words}{share})"


def ground_of(result: CrossoverResult) -> str:
    """Say on what a search was measured, when, and where its rows are."""
    first, facts = result.rows[0], result.environment
    assert facts is not None, "of a run of ours"
    return (
        f"{facts.cpu}, {facts.cores} cores, {first.all_threads} threads in all, {first.dtype}; "
        f"{first.when[:10]}, commit `{first.commit}`, rows in `{result.results}`."
    )
