"""Rows of maps, made up from costs by cell."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import exp, inf

import numpy as np

from perceptron.records.measurement import Measurement
from tests.made import measured

Cost = Callable[[int, int], float]
SIZES = (4, 16, 64, 256)
LIGHT: Cost = lambda x, y: 1.0 + 1e-3 * x * y  # noqa: E731
HEAVY: Cost = lambda x, y: 3.0 + 2e-4 * x * y  # noqa: E731  equal at x·y = 2,500
BOTH: dict[str, Cost] = {"light": LIGHT, "heavy": HEAVY}


def in_cells(
    costs: dict[str, Cost], cells: list[tuple[int, int]], noise: float = 0.0, **fields: object
) -> list[Measurement]:
    """Three processes of each backend in each cell; a cost of inf is a cell that was refused."""
    random = np.random.default_rng(0)
    rows = []
    for (x, y), process, (name, cost) in product(cells, range(3), costs.items()):
        seconds = cost(x, y) * exp(random.normal(0, noise))
        where = {"family": "f", "problem": f"f:{x}x{y}", "size": x * y, "sizes": (x, y)}
        where |= {"backend": name, "repeat": process, **fields}
        if seconds < inf:
            rows.append(measured(**where, seconds=seconds))
        elif process == 0:
            rows.append(measured(**where, status="skipped", reason="too large"))
    return rows


def everywhere(costs: dict[str, Cost], noise: float = 0.0) -> list[Measurement]:
    return in_cells(costs, list(product(SIZES, SIZES)), noise)
