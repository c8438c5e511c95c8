"""Recorded blocks and counts, read back into what the judge judges; and how other tools judge them.

Their rules pool samples, whichever process these come from. They see every sample that the gate
saw, which is several times more than the tools take by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import erfc, exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from benchmarks.validation.gate.runs import Counts, Nanoseconds, ProofRow, ProofRun
from perceptron.gate.verdict.estimate import FEWEST, estimate
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import AGAIN, FIRST, OTHER_DRAWS, wants_again, wants_other_draws
from perceptron.processes.timed_loop import lower_quartile
from perceptron.records.block import Block, SideMeasurement, Stage
from perceptron.records.comparison import Work

# Upper ends of the classes of spread, as shares: what a row of the proof's tables is about. In the
# steady ones slowdowns are to be found.
CLASSES = {"≤ 1%": 0.01, "≤ 2.5%": 0.025, "≤ 5%": 0.05, "more": float("inf")}
STEADY = ("≤ 1%", "≤ 2.5%")

Samples = NDArray[np.float64]
# (seconds per call of base, of head) → is head called slower?
OtherRule = Callable[[Samples, Samples], bool]


def asv(base: Samples, head: Samples, factor: float) -> bool:
    """Judge as asv 0.6: samples differ at p < 0.002, and the median by more than ``factor``.

    As `asv continuous` and `asv compare` mark a row with ``+`` where samples are recorded
    (``asv.commands.compare._is_result_better``, ``asv._stats.is_different``; the default factor is
    1.1). Without recorded samples asv asks instead whether two 99% intervals overlap.
    """
    if mann_whitney(base, head) >= 0.002:
        return False
    return float(np.median(base)) < float(np.median(head)) / factor


def mann_whitney(base: Samples, head: Samples) -> float:
    """Return the two-sided p-value by the normal approximation, as asv does from 21 samples up.

    Without correction for continuity; ties are counted to the side that makes it less significant.
    """
    ordered = np.sort(head)
    below = int(np.searchsorted(ordered, base, "left").sum())
    tied = int(np.searchsorted(ordered, base, "right").sum()) - below
    pairs = len(base) * len(head)
    middle = pairs // 2
    if below <= middle <= below + tied:
        extreme = middle
    else:
        extreme = max(min(statistic, pairs - statistic) for statistic in (below, below + tied))
    error = sqrt(pairs * (len(base) + len(head) + 1) / 12)
    return erfc((pairs / 2 - extreme) / error / sqrt(2))


def pytest_benchmark(base: Samples, head: Samples, percent: float = 5) -> bool:
    """Judge as pytest-benchmark 5 with ``--benchmark-compare-fail=mean:5%``.

    The mean is more than so many per cent above the stored one
    (``pytest_benchmark.utils.PercentageRegressionCheck``); no test is made.
    """
    return 100 * float(head.mean()) / float(base.mean()) - 100 > percent


def pyperf(base: Samples, head: Samples) -> bool:
    """Judge as pyperf 2, whose ``compare_to`` calls it slower and significant.

    Student's two-sided test with the pooled variance at 95% (``pyperf._utils.is_significant``;
    pyperf rounds the critical value, from a table, to within 1%), and no least size by default.
    """
    from scipy import stats  # takes a second to import

    ours, theirs = ((own.mean(), own.std(ddof=1), len(own)) for own in (head, base))
    with np.errstate(divide="ignore", invalid="ignore"):  # significant is what varies in nothing
        statistic, p = stats.ttest_ind_from_stats(*ours, *theirs)
    return bool(statistic > 0 and p <= 0.05)


OTHERS: dict[str, OtherRule] = {
    "asv, 1.1": partial(asv, factor=1.1),
    "asv, 1.05": partial(asv, factor=1.05),
    "pytest-benchmark, mean:5%": pytest_benchmark,
    "pyperf": pyperf,
}


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
            folders={},
            base=SideMeasurement(status="ok", value=self.base_value),
            head=SideMeasurement(status="ok", value=factor * self.head_value),
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


# A change of work is seen from here up, beyond the noise.
SEEN = 0.005


def is_seen(work: Work | None) -> bool:
    """Return whether the counts show that there is more work."""
    return work is not None and work.change >= SEEN and work.change > work.noise


def count_blocks(benchmark: str, counts: Counts) -> list[Block]:
    """Return the blocks that these counts are of."""
    pairs = {
        number: [SideMeasurement(status="ok", instructions=count) for count in both]
        for number, both in counts.items()
    }
    return [
        Block(
            stage="count",
            number=number,
            benchmark=benchmark,
            order=[],
            folders={},
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
        for number in OTHER_DRAWS:
            if wants_other_draws(count_blocks(benchmark, counts), rule):
                other = float(random.choice(self.base)) / first
                counts[number] = [first * other, count(other * (1 + level))]
            if wants_again(count_blocks(benchmark, counts), rule):
                counts[AGAIN] = [count(), count(1 + level)]
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
