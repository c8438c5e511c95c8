from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.crossover.result import CrossoverResult, crossover_result
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    CROSSOVER_COLUMNS,
    amortisation_cells,
    crossover_cells,
)
from tests.conftest import MakeRow
from tests.made import linear, world

PREPARE = {"numpy": 1e-4, "torch-cpu": 0.5}


def prepared(rows: list[Measurement]) -> list[Measurement]:
    return [msgspec.structs.replace(row, prepare_seconds=PREPARE.get(row.backend)) for row in rows]


@pytest.fixture
def rows(row: MakeRow) -> list[Measurement]:
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    absent = [
        row(
            family="mlp-width",
            size=size,
            problem=f"line:{size}",
            backend="torch-cuda",
            device="cuda",
            status="skipped",
            reason="no CUDA device found",
        )
        for size in (4, 16)
    ]
    return prepared(world(row, costs, processes=4, family="mlp-width")) + absent


@pytest.fixture
def result(rows: list[Measurement], environment: Environment) -> CrossoverResult:
    return crossover_result(rows, None, 10_000, environment, Path("results"))


def test_a_line_for_each_pair_that_was_measured(result: CrossoverResult) -> None:
    """Family, pair, ground, status, and the answer with its interval; what was not is elsewhere."""
    (cells,) = crossover_cells(result.crossovers)
    assert len(cells) == len(CROSSOVER_COLUMNS)
    assert cells[:3] == ("mlp-width", "numpy → torch-cpu", "box, float32, 2 threads")
    assert cells[3].startswith("crosses")
    assert re.match(r"torch-cpu from [\d.]+ \[[\d.]+, [\d.]+\] up", cells[4])


def test_amortisations_show_a_few_sizes_with_both_ends(row: MakeRow) -> None:
    """Seven of each pair at most, in a line of as many cells as there are columns."""
    costs = {"numpy": linear(1e-5, 1e-6), "torch-cpu": linear(1e-4, 1e-7)}
    sizes = [2**k for k in range(1, 25)]
    result = crossover_result(prepared(world(row, costs, sizes, processes=3)), None, 100)
    cells = amortisation_cells(result.amortisations)
    assert len(cells) == 7
    assert all(len(line) == len(AMORTISATION_COLUMNS) for line in cells)
    assert (cells[0][1], cells[-1][1]) == ("2", f"{sizes[-1]:,}")
    assert cells[0][2] == "numpy"
    assert cells[0][-1] == "1"
    assert cells[-1][2] == "torch-cpu"
    assert any(re.fullmatch(r"[\d,]+ \[[\d,]+, ([\d,]+|…)\]", line[-1]) for line in cells)
    assert all(re.search(r"\[.*\] (ns|µs|ms|s)$", cell) for cell in (*cells[0][3:5], cells[0][6]))
    assert len(amortisation_cells(result.amortisations[:2])) == 2
    assert amortisation_cells([]) == []
