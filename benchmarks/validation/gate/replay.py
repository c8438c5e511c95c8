"""Recorded runs judged again with slowdowns put into them.

A window of consecutive blocks of one benchmark stands for a run: the first are its screen, those
after them its confirmation, as many as the gate would measure. Head's times are multiplied, its
counts as well where its work is to rise, and the judge that judges live runs judges it. What a
replay leaves out: other benchmarks beside this one, and the control side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p
from typing import Literal

import numpy as np

from benchmarks.validation.gate.recorded import (
    Pair,
    RecordedCounts,
    is_seen,
    judged_by_others,
    spread_class,
)
from perceptron.gate.verdict.judge import replay
from perceptron.gate.verdict.promotion import suspicious
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.work import NOT_COUNTED, WorkEvidence, work_of
from perceptron.records.block import Benchmark, Block
from perceptron.records.comparison import Row

LEVELS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10, 0.20)
WORK_LEVELS = LEVELS[:5]
# By so much the logarithms of the clock's ratios are multiplied where work is counted.
LOUDER = (1.0, 4.0, 16.0)
# Of each benchmark's blocks, for each level.
DRAWS = 150
GATE, UNDECIDED = "gate", "undecided by the clock"

Evidence = Literal["clock alone", "same work", "more work"]
"""What is known: no counts; counts that did not change; counts that rose with the time."""


@dataclass(frozen=True)
class ReplayTrial:
    """One replay: what was injected, what the blocks spread by, and who called it slower.

    Where the work is the same, also whether the gate said that its clock could not tell.
    """

    level: float
    spread: str
    found: dict[str, bool]
    evidence: Evidence = "clock alone"
    louder: float = 1.0
    seen: bool = False
    """Whether the counts show more work."""


@dataclass(frozen=True)
class Replays:
    """All trials; ``promised`` are those at what the gate had called the smallest detectable."""

    trials: list[ReplayTrial]
    promised: list[ReplayTrial]
    windows: int
    """How many windows have no block in common."""

    def of(self, evidence: Evidence) -> list[ReplayTrial]:
        """Return the trials with this evidence."""
        return [trial for trial in self.trials if trial.evidence == evidence]


def replays(
    pools: Sequence[tuple[str, Sequence[Pair]]],
    counts: Mapping[str, RecordedCounts],
    rule: Rule,
    progress: Callable[[int, int, str], None],
    draws: int = DRAWS,
) -> Replays:
    """Replay windows that begin anywhere, with base and head as they were or swapped.

    Pools that are shorter than the longest run give none; without counts the clock is alone.
    """
    random = np.random.default_rng(1)
    length = rule.most_screen + rule.most_confirmation  # the most that one run may take
    long = [(name, blocks) for name, blocks in pools if len(blocks) >= length]
    result = Replays([], [], sum(len(blocks) // length for _, blocks in long))
    for index, (name, blocks) in enumerate(long):
        for draw in range(draws):
            progress(index * draws + draw, len(long) * draws, f"replaying {name}")
            start = int(random.integers(len(blocks) - length + 1))
            window = list(blocks[start : start + length])
            if random.integers(2):
                window = [block.swapped() for block in window]
            _replay_window(result, Benchmark(name=name), window, counts.get(name), random, rule)
    return result


def _replay_window(
    result: Replays,
    benchmark: Benchmark,
    window: Sequence[Pair],
    counts: RecordedCounts | None,
    random: np.random.Generator,
    rule: Rule,
) -> None:
    """Add trials of one window at every level, and at the smallest detectable slowdown."""
    spread = spread_class(window) or ""

    def draw(level: float) -> list[Block]:
        return [] if counts is None else counts.draw(benchmark.key, level, random, rule)

    _replay_clock(result, _Case(benchmark, window, rule), spread, "clock alone")
    if counts is None:
        return
    _replay_clock(result, _Case(benchmark, window, rule, draw(0.0)), spread, "same work")
    for louder in LOUDER:
        loud = [pair.louder(louder) for pair in window]
        for level in WORK_LEVELS:
            row = _Case(benchmark, loud, rule, draw(level)).row(level)
            found = {GATE: row.verdict == "slower"}
            result.trials.append(
                ReplayTrial(level, spread, found, "more work", louder, is_seen(row.work))
            )


def _replay_clock(result: Replays, case: _Case, spread: str, evidence: Evidence) -> None:
    """Add trials in which the clock alone shows what was injected."""
    promise: float | None = None
    for level in LEVELS:
        row = case.row(level)
        if level == 0:
            promise = row.smallest_detectable
        found = {GATE: row.verdict == "slower"}
        if evidence == "clock alone":
            found |= judged_by_others(case.measured(row), 1 + level)
        else:
            found[UNDECIDED] = row.clock_undecided
        result.trials.append(ReplayTrial(level, spread, found, evidence))
    if promise is not None:
        is_found = case.row(promise).verdict == "slower"
        result.promised.append(ReplayTrial(promise, spread, {GATE: is_found}, evidence))


def screen_size(ratios: Sequence[float], rule: Rule, evidence: WorkEvidence = NOT_COUNTED) -> int:
    """Return the blocks of the screen: few for the same work, and more while they are too noisy."""
    same_work = evidence.kind == "same"
    probe = {"": ratios[: rule.probe]}
    looks_slower = same_work and suspicious(probe, {"": evidence}, rule)
    most = min(len(ratios), rule.most_screen)
    size = rule.probe if same_work else rule.screen
    while size < most and noisy({"": ratios[:size]}, rule, same_work):
        size += 1
    return max(size, rule.screen) if looks_slower else size


@dataclass(frozen=True)
class _Case:
    """A window, and how it is cut into screen and confirmation."""

    benchmark: Benchmark
    window: Sequence[Pair]
    rule: Rule
    counts: Sequence[Block] = field(default_factory=list)

    def row(self, level: float) -> Row:
        """Judge the window with head's time longer by ``level``."""
        key = self.benchmark.key
        evidence = work_of(self.counts, self.rule).get(key, NOT_COUNTED)
        ratios = [pair.log_ratio + log1p(level) for pair in self.window]
        size = screen_size(ratios, self.rule, evidence)
        screen, fresh = self.window[:size], self.window[size:]
        judgement = replay(
            [self.benchmark],
            [
                *self.counts,
                *(pair.block(key, "screen", n, 1 + level) for n, pair in enumerate(screen)),
            ],
            [pair.block(key, "confirmation", n, 1 + level) for n, pair in enumerate(fresh)],
            self.rule,
        )
        return judgement.rows[0]

    def measured(self, row: Row) -> Sequence[Pair]:
        """Return the blocks that the gate would have measured for this row."""
        return self.window[: row.screen_blocks + row.confirmation_blocks]
