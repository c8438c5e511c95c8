"""Recorded counts, read back into what the judge judges, and drawn for what is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from benchmarks.validation.gate.record import Counts, ProofRow, ProofRun
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import (
    AGAIN,
    FIRST,
    OTHER_DRAWS,
    wants_again,
    wants_other_draws,
)
from perceptron.records.block import Block, Reading
from perceptron.records.comparison import Work

# A change of work is seen from here up, beyond the noise.
SEEN = 0.005


def is_seen(work: Work | None) -> bool:
    """Return whether the counts show that there is more work."""
    return work is not None and work.change >= SEEN and work.change > work.noise


def count_blocks(benchmark: str, counts: Counts, why_not: str | None = None) -> list[Block]:
    """Return the blocks that these counts are of; that of a failure where there is none."""
    pairs = {
        number: [Reading(status="ok", instructions=count) for count in both]
        for number, both in counts.items()
    }
    if not pairs and why_not is not None:
        pairs = {FIRST: [Reading(status="failed", reason=why_not)] * 2}
    return [
        Block(
            stage="count",
            number=number,
            benchmark=benchmark,
            order=[],
            sides={},
            base=base,
            head=head,
        )
        for number, (base, head) in pairs.items()
    ]


@dataclass(frozen=True)
class RecordedCounts:
    """The counts of one benchmark where nothing changed."""

    base: Sequence[float]
    """Instructions per call, one of each run."""
    differences: Sequence[float]
    """log(head / base) of every round of every run."""

    def draw(
        self, benchmark: str, level: float, random: np.random.Generator, rule: Rule
    ) -> list[Block]:
        """Return rounds, as many as the gate would count, with head's work more by ``level``.

        Every count differs from what it would be without noise by a recorded difference.
        """
        first = float(random.choice(self.base))

        def count(factor: float = 1.0) -> float:
            return first * factor * exp(float(random.choice(self.differences)))

        counts: Counts = {FIRST: [first, count(1 + level)]}
        if wants_again(count_blocks(benchmark, counts)):
            counts[AGAIN] = [count(), count(1 + level)]
        for number in OTHER_DRAWS:
            if wants_other_draws(count_blocks(benchmark, counts), rule):
                other = float(random.choice(self.base)) / first
                counts[number] = [first * other, count(other * (1 + level))]
        return count_blocks(benchmark, counts)


def recorded_counts(runs: Sequence[ProofRun]) -> Mapping[str, RecordedCounts]:
    """Return what these runs, in which nothing changed, counted of each benchmark."""
    rows: dict[str, list[ProofRow]] = {}
    for run in runs:
        for row in run.rows:
            if row.work is not None and FIRST in row.counts:
                rows.setdefault(row.benchmark, []).append(row)
    return {
        name: RecordedCounts(
            base=[row.counts[FIRST][0] for row in own],
            differences=[log(head / base) for row in own for base, head in row.counts.values()],
        )
        for name, own in rows.items()
    }
