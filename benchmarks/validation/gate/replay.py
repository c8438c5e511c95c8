"""Replays of recorded null runs: slowdowns are put into them, and judged by the clock alone.

Blocks drawn from those of a benchmark make up a run: the first are its screen, the next its
confirmation, as many as the gate would measure. Head's times are multiplied, and judged by the
judge of live runs. A replay omits other benchmarks beside this one, the control side, and what the
blocks of a HEAD have in common, such as its layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np

from benchmarks.validation.gate.rules import judged_by_others
from benchmarks.validation.gate.runs import Nanoseconds, ProofRun
from benchmarks.validation.gate.suite import KINDS
from benchmarks.validation.share import Share, share
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.estimate import estimate
from perceptron.gate.verdict.judge import replay
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.processes.timed_loop import lower_quartile
from perceptron.records.block import Benchmark, Block, SideMeasurement, Stage
from perceptron.records.comparison import Verdict

LEVELS = (0.0, 0.02, 0.05, 0.10, 0.20)
# Upper ends of the classes of spread, as shares. In the steady classes slowdowns must be found.
CLASSES = {"≤ 1%": 0.01, "≤ 2.5%": 0.025, "≤ 5%": 0.05, "more": float("inf")}
STEADY = ("≤ 1%", "≤ 2.5%")
# Replays of each benchmark's blocks, for each level.
DRAWS = 40
_RESAMPLED = 2000


@dataclass(frozen=True)
class ReplayTrial:
    """A replay: the slowdown injected, the spread of the blocks, and the verdict of each rule."""

    benchmark: str
    level: float
    spread: str
    verdict: Verdict
    others: dict[str, bool]


def replays(runs: Sequence[ProofRun], progress: Progress, draws: int = DRAWS) -> list[ReplayTrial]:
    """Replay blocks of null runs, separately for runs beside a neighbour and quiet runs.

    Benchmarks with fewer blocks than the longest confirmation give none.
    """
    rule, random = Rule(), np.random.default_rng(1)
    pools: dict[tuple[str, bool], list[Nanoseconds]] = {}
    for run in runs:
        for row in run.rows:
            pool = pools.setdefault((row.benchmark, KINDS[run.kind].neighbour), [])
            pool += (*row.screen, *row.confirmation)
    length = rule.most_screen + rule.most_confirmation
    # Sorted, so that the order does not depend on which run ended first.
    long = sorted(key for key, blocks in pools.items() if len(blocks) >= rule.most_confirmation)
    trials: list[ReplayTrial] = []
    for index, key in enumerate(long):
        for draw in range(draws):
            progress(index * draws + draw, len(long) * draws, f"replaying {key[0]}")
            drawn = random.integers(len(pools[key]), size=length)
            sides = slice(None, None, -1 if random.integers(2) else 1)
            window = [pools[key][number][:2][sides] for number in drawn]
            trials.extend(_trial(key[0], window, level, rule) for level in LEVELS)
    return trials


def steady(trials: Iterable[ReplayTrial]) -> list[ReplayTrial]:
    """Return the replays whose blocks spread little."""
    return [trial for trial in trials if trial.spread in STEADY]


def _trial(name: str, window: Sequence[Nanoseconds], level: float, rule: Rule) -> ReplayTrial:
    ratios = [
        float(np.log(lower_quartile(head) / lower_quartile(base))) + log1p(level)
        for base, head in window
    ]
    size = rule.screen
    while size < rule.most_screen and noisy({"": ratios[:size]}, rule):
        size += 1

    def blocks(stage: Stage, part: Sequence[float]) -> list[Block]:
        return [_block(name, stage, number, ratio) for number, ratio in enumerate(part)]

    judged = replay(
        [Benchmark(name=name)],
        blocks("screen", ratios[:size]),
        blocks("confirmation", ratios[size:]),
        rule,
    )
    row = judged.rows[0]
    measured = window[: row.screen_blocks + row.confirmation_blocks]
    spread = estimate(ratios).spread
    return ReplayTrial(
        name,
        level,
        next(label for label, end in CLASSES.items() if spread <= end),
        judged.verdict,
        judged_by_others(measured, 1 + level),
    )


def _block(benchmark: str, stage: Stage, number: int, ratio: float) -> Block:
    return Block(
        stage=stage,
        number=number,
        benchmark=benchmark,
        order=[],
        folders={},
        base=SideMeasurement(status="ok", value=1e-3),
        head=SideMeasurement(status="ok", value=1e-3 * float(np.exp(ratio))),
    )


def clustered(trials: Sequence[tuple[str, bool]]) -> Share:
    """Return the share of hits in pairs (benchmark, hit), with an interval over benchmarks.

    The interval resamples benchmarks, because trials of a benchmark share its blocks. If all
    benchmarks agree, which resampling cannot handle, each benchmark counts as a trial.
    """
    clusters: dict[str, list[bool]] = {}
    for name, hit in trials:
        clusters.setdefault(name, []).append(hit)
    whole = share(sum(hit for _, hit in trials), len(trials))
    if not clusters or whole.value is None:
        return whole
    if whole.value in (0.0, 1.0):
        ends = share(round(whole.value * len(clusters)), len(clusters))
        return Share(whole.hits, whole.trials, whole.value, ends.low, ends.high)
    hits = np.array([sum(cluster) for cluster in clusters.values()])
    sizes = np.array([len(cluster) for cluster in clusters.values()])
    drawn = np.random.default_rng(1).integers(len(hits), size=(_RESAMPLED, len(hits)))
    shares = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return Share(whole.hits, whole.trials, whole.value, float(low), float(high))
