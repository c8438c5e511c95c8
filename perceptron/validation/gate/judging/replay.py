"""Slowdowns of known size put into blocks that were recorded while nothing changed.

A window of consecutive blocks of one benchmark stands for a run: the first are its screen, those
after them its confirmation, as many as the gate would measure. Head's times are multiplied, and the
judge that judges live runs judges it. What a replay leaves out: other benchmarks beside this one,
and the control arm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from perceptron.gate.verdict.judge import replay
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.records.block import Benchmark
from perceptron.records.comparison import Row
from perceptron.validation.gate.judging.blocks import Pair, judged_by_others, spread_class

LEVELS = (0.0, 0.03, 0.05, 0.10, 0.20)
# Of each benchmark's blocks, for each level.
DRAWS = 300
GATE = "gate"


@dataclass(frozen=True)
class ReplayTrial:
    """One replay: what was injected, what the blocks spread by, and who called it slower."""

    level: float
    spread: str
    found: dict[str, bool]


@dataclass(frozen=True)
class Replays:
    """All trials; ``promised`` are those at what the gate had called the smallest detectable."""

    trials: list[ReplayTrial]
    promised: list[ReplayTrial]
    windows: int
    """How many windows have no block in common."""


def window_blocks(rule: Rule) -> int:
    """Return the most blocks that one run may take."""
    return rule.most_screen + rule.most_confirmation


def replays(
    pools: Sequence[tuple[str, Sequence[Pair]]],
    rule: Rule,
    progress: Callable[[int, int, str], None],
    draws: int = DRAWS,
    seed: int = 1,
) -> Replays:
    """Replay windows that begin anywhere, with base and head as they were or swapped.

    Pools that are shorter than the longest run give none.
    """
    random = np.random.default_rng(seed)
    length = window_blocks(rule)
    long = [(name, blocks) for name, blocks in pools if len(blocks) >= length]
    trials: list[ReplayTrial] = []
    promised: list[ReplayTrial] = []
    for index, (name, blocks) in enumerate(long):
        for draw in range(draws):
            progress(index * draws + draw, len(long) * draws, f"replaying {name}")
            start = int(random.integers(len(blocks) - length + 1))
            window = list(blocks[start : start + length])
            if random.integers(2):
                window = [block.swapped() for block in window]
            of_levels, at_promise = _replayed(name, window, rule)
            trials += of_levels
            promised += at_promise
    return Replays(trials, promised, sum(len(blocks) // length for _, blocks in long))


def _replayed(
    name: str, window: Sequence[Pair], rule: Rule
) -> tuple[list[ReplayTrial], list[ReplayTrial]]:
    """Return trials of one window at every level, and at the smallest detectable slowdown."""
    spread = spread_class(window) or ""
    case = _Case(Benchmark(name=name), window, screen_size(window, rule), rule)
    trials = []
    promise: float | None = None
    for level in LEVELS:
        row = case.row(level)
        if level == 0:
            promise = row.smallest_detectable
        others = judged_by_others(case.measured(row), 1 + level)
        trials.append(ReplayTrial(level, spread, {GATE: row.verdict == "regression", **others}))
    if promise is None:
        return trials, []
    is_found = case.row(promise).verdict == "regression"
    return trials, [ReplayTrial(promise, spread, {GATE: is_found})]


def screen_size(window: Sequence[Pair], rule: Rule) -> int:
    """Return the blocks of the screen: more of them while they are too noisy to judge by."""
    ratios = [block.log_ratio for block in window[: rule.most_screen]]
    size = rule.screen
    while size < len(ratios) and noisy({"": ratios[:size]}, rule):
        size += 1
    return size


@dataclass(frozen=True)
class _Case:
    """A window, and how it is cut into screen and confirmation."""

    benchmark: Benchmark
    window: Sequence[Pair]
    screen: int
    rule: Rule

    def row(self, level: float) -> Row:
        """Judge the window with head slower by ``level``."""
        key = self.benchmark.key
        screen, fresh = self.window[: self.screen], self.window[self.screen :]
        judgement = replay(
            [self.benchmark],
            [pair.block(key, "screen", n, 1 + level) for n, pair in enumerate(screen)],
            [pair.block(key, "confirmation", n, 1 + level) for n, pair in enumerate(fresh)],
            self.rule,
        )
        return judgement.rows[0]

    def measured(self, row: Row) -> Sequence[Pair]:
        """Return the blocks that the gate would have measured for this row."""
        return self.window[: row.screen_blocks + row.confirmation_blocks]


def by_spread(
    trials: Sequence[ReplayTrial], classes: Sequence[str]
) -> Iterator[tuple[str, list[ReplayTrial]]]:
    """Yield the trials of each class that has some."""
    for name in classes:
        own = [trial for trial in trials if trial.spread == name]
        if own:
            yield name, own
