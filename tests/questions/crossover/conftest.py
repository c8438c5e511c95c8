"""What the tests of crossovers share: rows made up from log-ratios, and the one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Any

import numpy as np

from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.records.measurement import Measurement
from tests.made import measured

A, B = "numpy", "torch-cpu"
# Of eight processes: their mean is 0, and neighbours are not alike.
SPREAD = np.array([-1.0, 0.6, -0.2, 1.0, -0.6, 0.2, -0.8, 0.8])


def row(**fields: Any) -> Measurement:
    """A row of a tool that says nothing of its code or environment; any field can be given."""
    plain = {"source": "test", "environment": None, "commit": None, "device": "cpu"}
    return measured(**plain | fields)


def at(size: float, ratios: Sequence[float], stdev: float | None = None) -> list[Measurement]:
    """Make rows at one size whose log-ratios, B over A, are these, process by process.

    A single one is a value in another tool's file: one process of ours would say nothing.
    """
    return [
        row(
            backend=name,
            size=size,
            repeat=process,
            problem=f"line:{size}",
            seconds=seconds,
            file="single.json" if len(ratios) == 1 else None,
            stdev=None if stdev is None else stdev * seconds,
        )
        for process, ratio in enumerate(ratios)
        for name, seconds in ((A, 1.0), (B, exp(ratio)))
    ]


def only(rows: list[Measurement]) -> Crossover:
    """Judge rows that hold one pair on one family."""
    (crossover,) = crossovers(rows)
    return crossover
