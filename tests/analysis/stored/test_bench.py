"""What the main job says of families for which there was no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.select import NOT_REACHED
from perceptron.analysis.stored.bench import summarise
from perceptron.records.measurement import Measurement
from tests.made import FACTS, measured

BACKENDS = ("numpy", "torch-cpu")
FAILED = {"status": "failed", "reason": "out of memory", "seconds": None}


@pytest.mark.parametrize("other", [{}, FAILED])
def test_a_family_without_a_row_says_that_there_was_no_time(other: dict[str, object]) -> None:
    """Also where one of two backends has failed wherever it was tried."""
    rows: list[Measurement] = [
        measured(problem="mlp-width:8", family="mlp-width", size=8, backend="numpy"),
        measured(problem="mlp-width:8", family="mlp-width", size=8, backend="torch-cpu", **other),
    ]
    told = summarise(BACKENDS, Path("run"), FACTS, rows, families=("mlp-width", "mlp-depth"))
    (without,) = [one for one in told.crossovers if one.family == "mlp-depth"]
    assert (without.status, without.reason) == ("not measured", NOT_REACHED)
    assert (without.incumbent, without.challenger) == BACKENDS
