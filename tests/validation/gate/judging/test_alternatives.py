"""How much blocks would spread by, had the gate been made otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from benchmarks.validation.gate.judging import alternatives
from benchmarks.validation.gate.record import ProofRun
from tests.validation.gate.conftest import MakeRun


def drifting(run: MakeRun, number: int) -> ProofRun:
    """Neighbours are alike; one sample of each process is an outlier; a process varies by 2 %."""
    random = np.random.default_rng(number)
    drift = np.cumsum(random.normal(0, 0.05, 10))
    blocks = []
    for block in range(10):
        arms = []
        for _ in range(2):
            value = 1e6 * np.exp(drift[block] + random.normal(0, 0.02))
            samples = value * np.array([1, 1, 1.001, 1.002, 1 + random.exponential(1)])
            arms.append([round(sample) for sample in random.permuted(samples)])
        blocks.append(arms)
    made = run("same", number)
    return replace(made, rows=[replace(made.rows[0], screen=blocks)])


def test_pairs_of_neighbours_and_low_quantiles_spread_least(run: MakeRun) -> None:
    (result,) = alternatives.spreads([drifting(run, number) for number in range(40)])
    spreads = result.spreads
    assert next(iter(spreads)) == alternatives.GATE
    assert result.blocks == 400
    ours = spreads[alternatives.GATE]
    assert ours.value == pytest.approx(0.02 * np.sqrt(2), rel=0.15)
    assert spreads["mean"].low > ours.high
    assert spreads[alternatives.FAR].low > ours.high
    for spread in spreads.values():
        assert spread.low <= spread.value <= spread.high


def test_screens_that_are_too_short_tell_nothing(run: MakeRun) -> None:
    assert alternatives.spreads([run("same", 0, ratios=[0.1] * 4)]) == []
