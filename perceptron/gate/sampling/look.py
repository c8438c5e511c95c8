"""The light look of the clock at what did the same work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from perceptron.gate.sampling.schedule import Costs, fit_screen

# Samples in each process.
SAMPLES = 3


def plan_look(costs: Costs, keys: Collection[str], seconds: float, blocks: int) -> list[str]:
    """Return those of the benchmarks that so many blocks fit of; the most expensive ones go.

    What is not looked at is judged by its work alone.
    """
    own = replace(costs, benchmarks={key: costs.benchmarks[key] for key in keys})
    _, kept, _ = fit_screen(own, seconds, blocks, blocks)
    return [key for key in keys if key in kept]
