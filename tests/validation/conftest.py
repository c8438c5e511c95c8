"""Runs of the proof on machines made up: nothing takes a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.validation.gate.recorded import Pair, count_blocks, pair
from benchmarks.validation.gate.runs import Counts, Nanoseconds, ProofRow, ProofRun
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of

MakeRun = Callable[..., ProofRun]


def recorded(ratios: Sequence[float], sides: int = 2, base: float = 1e6) -> list[Nanoseconds]:
    """Blocks with these log-ratios of head and base, five equal samples each."""
    return [
        [[round(base)] * 5, [round(base * float(np.exp(ratio)))] * 5, [round(base)] * 5][:sides]
        for ratio in ratios
    ]


def noise(spread: float, count: int, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).normal(0, spread, count).tolist()


def pairs(ratios: Sequence[float]) -> list[Pair]:
    return [pair(block) for block in recorded(ratios)]


@pytest.fixture
def run() -> MakeRun:
    """A run of the proof; any field can be given, and those of its one row."""

    def make(
        kind: str = "same",
        number: int = 0,
        ratios: Sequence[float] = (),
        benchmark: str = "bodies.time_training",
        row_verdict: str = "no change",
        counts: Counts | None = None,
        **fields: object,
    ) -> ProofRun:
        judged = work_of(count_blocks(benchmark, counts or {}), Rule())
        row = ProofRow(
            benchmark=benchmark,
            verdict=row_verdict,  # type: ignore[arg-type]
            change=0.001,
            screen=recorded(ratios or noise(0.018, 10, number)),
            confirmation=[],
            counts=counts or {},
            work=judged[benchmark].work if judged else None,
        )
        defaults: dict[str, object] = {
            "when": f"2026-01-01T00:{number % 60:02}:00Z",
            "work": "w",
            "commit": "abc",
            "environment": "e",
            "seconds": 10.0,
            "cpu_seconds": 9.0,
            "verdict": "clean",
            "reason": "nothing",
            "control_alarmed": False,
            "rows": [row],
        }
        return ProofRun(kind=kind, number=number, **(defaults | fields))  # type: ignore[arg-type]

    return make
