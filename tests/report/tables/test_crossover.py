from __future__ import annotations

import re

import msgspec

from perceptron.analysis.crossover.result import crossover_result
from perceptron.records.measurement import Measurement
from perceptron.report.tables.crossover import (
    AMORTISATION_COLUMNS,
    amortisation_cells,
)
from tests.conftest import MakeRow
from tests.made import linear, world

PREPARE = {"numpy": 1e-4, "torch-cpu": 0.5}


def prepared(rows: list[Measurement]) -> list[Measurement]:
    return [msgspec.structs.replace(row, prepare_seconds=PREPARE.get(row.backend)) for row in rows]


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
