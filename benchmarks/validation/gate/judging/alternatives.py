"""What else one process could give, or could be paired with: how much blocks would spread by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from statistics import mean, median

import numpy as np

from benchmarks.validation.gate.judging.blocks import pair
from benchmarks.validation.gate.judging.other_rules import Samples
from benchmarks.validation.gate.record import ProofRun, Spread, Spreads
from perceptron.gate.runner.timing import lower_quartile
from perceptron.gate.verdict.estimate import FEWEST, estimate

Value = Callable[[list[float]], float]

GATE = "lower quartile"
VALUES: dict[str, Value] = {
    GATE: lower_quartile,
    "minimum": min,
    "median": median,
    "mean": mean,
}
FAR = f"{GATE}, base of another block"
_RESAMPLES = 400


def spreads(runs: Sequence[ProofRun]) -> list[Spreads]:
    """Return each benchmark's spreads over the screens of these runs, in which nothing changed."""
    result = []
    names = dict.fromkeys(row.benchmark for run in runs for row in run.rows)
    for name in names:
        screens = [
            [pair(block) for block in row.screen]
            for run in runs
            for row in run.rows
            if row.benchmark == name and len(row.screen) >= FEWEST
        ]
        if not screens:
            continue
        ratios = {
            choice: [
                [_log_ratio(value, block.base, block.head) for block in blocks]
                for blocks in screens
            ]
            for choice, value in VALUES.items()
        }
        ratios[FAR] = [
            [
                _log_ratio(lower_quartile, blocks[index - len(blocks) // 2].base, block.head)
                for index, block in enumerate(blocks)
            ]
            for blocks in screens
        ]
        result.append(
            Spreads(
                benchmark=name,
                blocks=sum(len(blocks) for blocks in screens),
                spreads={choice: _spread(by_run) for choice, by_run in ratios.items()},
            )
        )
    return result


def _log_ratio(value: Value, base: Samples, head: Samples) -> float:
    return log(value(head.tolist()) / value(base.tolist()))


def _spread(by_run: Sequence[Sequence[float]]) -> Spread:
    """Return the spread with a bootstrap interval over runs: blocks of one run are alike."""
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(_RESAMPLES):
        chosen = random.integers(len(by_run), size=len(by_run))
        drawn.append(_of([value for index in chosen for value in by_run[index]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Spread(_of([value for values in by_run for value in values]), float(low), float(high))


def _of(values: Sequence[float]) -> float:
    return estimate(values).spread
