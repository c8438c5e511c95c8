"""Blocks of README and docs about training over several processes: from which size up it pays."""

from __future__ import annotations

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.report.crossover_words import answer, missing, sentence
from perceptron.report.newest_runs import SEVERAL_FAMILIES, SEVERAL_PAIRS
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
            crossover.status,
            answer(crossover),
        )
        for crossover in result.crossovers
        if crossover.status != "not measured"
    ]
    reasons = [f"\nNot measured: {reason}." for reason in missing(result.crossovers)]
    lines = [*markdown.table(COLUMNS, rows), *reasons, "", ground_of(result)]
    return {"processes": "\n".join(lines)}


def in_short(result: CrossoverResult) -> str:
    """Return from which size up the most processes beat what trains in one without DDP."""
    pair = SEVERAL_PAIRS[-1]
    by_family = {
        crossover.family: crossover
        for crossover in result.crossovers
        if (crossover.incumbent, crossover.challenger) == pair
        and crossover.status != "not measured"
    }
    return (
        "; ".join(f"{name}: {sentence(one)}" for name, one in by_family.items()) or "not measured"
    )


def ground_of(result: CrossoverResult) -> str:
    """Say on what a search was measured, when, and where its rows are."""
    first, facts = result.rows[0], result.environment
    assert facts is not None, "of a run of ours"
    return (
        f"{facts.cpu}, {facts.cores} cores, {first.all_threads} threads in all, {first.dtype}; "
        f"{first.when[:10]}, commit `{first.commit}`, rows in `{result.results}`."
    )
