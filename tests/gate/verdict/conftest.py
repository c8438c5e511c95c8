"""Clocks and trials made up, for all that is judged here."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from perceptron.gate.verdict.judge import Judgement, judge
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Block, SideMeasurement
from tests.gate.conftest import benchmark, blocks

RULE = Rule()
LOUD = np.array([0.3, -0.3] * 5)
"""Ten blocks that say nothing."""
FAILED = SideMeasurement(status="failed", reason="ValueError: x")
LATE = SideMeasurement(status="untried", reason="no time was left to try it: raise --budget")


def noise(spread: float, count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, count)


def calm(change: float, spread: float = 0.01) -> np.ndarray:
    """Ten blocks of so much in which the log-ratio lies around the change."""
    return change + noise(spread, 10)


def trial(number: int = 0, **sides: SideMeasurement) -> Block:
    """A block of the calibration with these measurements; that of a side without one is fine."""
    (block,) = blocks("time_it", [0.0], "calibration")
    return replace(block, number=number, **sides)


def judged(measured: list[Block], planned: dict[str, int] | None = None) -> Judgement:
    """Judge one benchmark by the blocks."""
    return judge([benchmark("time_it")], measured, planned or {}, RULE)
