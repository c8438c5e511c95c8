"""Runs of the proof on machines made up: nothing takes a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.validation.gate.runs import Nanoseconds, ProofRow, ProofRun
from benchmarks.validation.gate.suite import KINDS

MakeRun = Callable[..., ProofRun]


def recorded(ratios: Sequence[float], base: float = 1e6) -> list[Nanoseconds]:
    """Blocks with these log-ratios of head and base, five equal samples each."""
    return [[[round(base)] * 5, [round(base * float(np.exp(ratio)))] * 5] for ratio in ratios]


def noise(spread: float, count: int, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).normal(0, spread, count).tolist()


@pytest.fixture
def run() -> MakeRun:
    """A run of the proof; any field can be given, and those of its one row."""

    def make(
        kind: str = "function",
        number: int = 0,
        ratios: Sequence[float] = (),
        reached: str = "clock",
        **fields: object,
    ) -> ProofRun:
        row = ProofRow(
            benchmark=KINDS[kind].benchmark(number),
            verdict="no change",
            reached=reached,  # type: ignore[arg-type]
            change=0.001,
            waited=0.0,
            screen=recorded(ratios or noise(0.018, 10, number)),
        )
        defaults: dict[str, object] = {
            "when": f"2026-01-01T00:{number % 60:02}:00Z",
            "gate": "w",
            "commit": "abc",
            "seconds": 10.0,
            "verdict": "clean",
            "reason": "nothing",
            "control_alarmed": False,
            "contended": False,
            "rows": [row],
        }
        return ProofRun(kind=kind, number=number, **(defaults | fields))  # type: ignore[arg-type]

    return make
