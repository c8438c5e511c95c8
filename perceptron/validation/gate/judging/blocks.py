"""Recorded blocks, read back into what the judge judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.estimate import FEWEST, estimate
from perceptron.records.block import Block, Reading, Stage
from perceptron.validation.gate.judging.other_rules import OTHERS, Samples
from perceptron.validation.gate.record import CLASSES, Nanoseconds, ProofRow, ProofRun


@dataclass(frozen=True)
class Pair:
    """The two processes of a block: seconds per call of each sample."""

    base: Samples
    head: Samples
    base_value: float
    head_value: float

    @property
    def log_ratio(self) -> float:
        """log(head / base) of the values."""
        return log(self.head_value / self.base_value)

    def swapped(self) -> Pair:
        """Head for base."""
        return Pair(self.head, self.base, self.head_value, self.base_value)

    def block(self, benchmark: str, stage: Stage, number: int, factor: float = 1.0) -> Block:
        """As the gate records it, with ``factor`` times what head took."""
        return Block(
            stage=stage,
            number=number,
            benchmark=benchmark,
            order=[],
            sides={},
            base=Reading(status="ok", value=self.base_value),
            head=Reading(status="ok", value=factor * self.head_value),
        )


def pair(recorded: Nanoseconds) -> Pair:
    """Base and head of a recorded block."""
    base, head = ([1e-9 * sample for sample in samples] for samples in recorded[:2])
    return Pair(np.array(base), np.array(head), lower_quartile(base), lower_quartile(head))


def pairs(row: ProofRow) -> list[Pair]:
    """All of a row's blocks, in order of time."""
    return [pair(each) for each in (*row.screen, *row.confirmation)]


def pools(runs: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """The blocks of each benchmark in order of time, over all runs: (benchmark, blocks)."""
    found: dict[str, list[Pair]] = {}
    for run in runs:
        for row in run.rows:
            found.setdefault(row.benchmark, []).extend(pairs(row))
    return list(found.items())


def spread_class(blocks: Sequence[Pair]) -> str | None:
    """The class of the spread of all these blocks; None for too few."""
    if len(blocks) < FEWEST:
        return None
    spread = estimate([each.log_ratio for each in blocks]).spread
    return next(name for name, end in CLASSES.items() if spread <= end)


def judged_by_others(blocks: Sequence[Pair], factor: float = 1.0) -> dict[str, bool]:
    """What the other rules say of these blocks, with ``factor`` times what head took."""
    base = np.concatenate([each.base for each in blocks])
    head = factor * np.concatenate([each.head for each in blocks])
    return {name: rule(base, head) for name, rule in OTHERS.items()}
