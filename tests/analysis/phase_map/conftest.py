"""Rows of maps, made up from costs by cell."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import exp, inf

import numpy as np

from perceptron.records.measurement import Measurement
from tests.conftest import MakeRow

Cost = Callable[[int, int], float]
SIZES = (4, 16, 64, 256)
LIGHT: Cost = lambda x, y: 1.0 + 1e-3 * x * y  # noqa: E731
HEAVY: Cost = lambda x, y: 3.0 + 2e-4 * x * y  # noqa: E731  equal at x·y = 2,500


def measured(
    row: MakeRow,
    costs: dict[str, Cost],
    cells: list[tuple[int, int]],
    noise: float = 0.0,
    **fields: object,
) -> list[Measurement]:
    random = np.random.default_rng(0)
    rows = []
    for (x, y), process, (name, cost) in product(cells, range(3), costs.items()):
        seconds = cost(x, y) * exp(random.normal(0, noise))
        where = {"family": "f", "problem": f"f:{x}x{y}", "size": x * y, "sizes": (x, y)}
        where |= {"backend": name, "process": process, **fields}
        if seconds < inf:
            rows.append(row(**where, seconds=seconds))
        elif process == 0:
            rows.append(row(**where, status="skipped", reason="too large"))
    return rows


def everywhere(row: MakeRow, costs: dict[str, Cost], noise: float = 0.0) -> list[Measurement]:
    return measured(row, costs, list(product(SIZES, SIZES)), noise)
