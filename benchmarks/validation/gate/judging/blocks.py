"""Recorded blocks, read back into what the judge judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from benchmarks.validation.gate.judging.other_rules import OTHERS, Samples
from benchmarks.validation.gate.record import CLASSES, Nanoseconds, ProofRow, ProofRun
from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.estimate import FEWEST, estimate
from perceptron.records.block import Block, Reading, Stage


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
        """Return the pair with head as base and base as head."""
        return Pair(self.head, self.base, self.head_value, self.base_value)

    def louder(self, factor: float) -> Pair:
        """Return the pair with the logarithm of its ratio multiplied; its samples stay."""
        head_value = self.base_value * exp(factor * self.log_ratio)
        return replace(self, head_value=head_value)

    def block(self, benchmark: str, stage: Stage, number: int, factor: float = 1.0) -> Block:
        """Return it as the gate records it, with ``factor`` times what head took."""
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
    """Return base and head of a recorded block."""
    base, head = ([1e-9 * sample for sample in samples] for samples in recorded[:2])
    return Pair(np.array(base), np.array(head), lower_quartile(base), lower_quartile(head))


def pairs(row: ProofRow) -> list[Pair]:
    """Return all of a row's blocks, in order of time."""
    return [pair(recorded) for recorded in (*row.screen, *row.confirmation)]


def pools(runs: Sequence[ProofRun]) -> list[tuple[str, list[Pair]]]:
    """Return (benchmark, blocks) of each benchmark over all runs, in order of time."""
    by_benchmark: dict[str, list[Pair]] = {}
    for run in runs:
        for row in run.rows:
            by_benchmark.setdefault(row.benchmark, []).extend(pairs(row))
    return list(by_benchmark.items())


def spread_class(blocks: Sequence[Pair]) -> str | None:
    """Return the class of the spread of all these blocks; None for too few."""
    if len(blocks) < FEWEST:
        return None
    spread = estimate([block.log_ratio for block in blocks]).spread
    return next(name for name, end in CLASSES.items() if spread <= end)


def judged_by_others(blocks: Sequence[Pair], factor: float = 1.0) -> dict[str, bool]:
    """Return which other rules call head slower, with ``factor`` times what it took."""
    base = np.concatenate([block.base for block in blocks])
    head = factor * np.concatenate([block.head for block in blocks])
    return {name: rule(base, head) for name, rule in OTHERS.items()}
