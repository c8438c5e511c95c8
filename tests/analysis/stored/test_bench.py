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
    told = summarise(BACKENDS, Path("run"), FACTS, rows, families={"mlp-width": 1, "mlp-depth": 2})
    (without,) = [one for one in told.crossovers if one.family == "mlp-depth"]
    assert (without.status, without.reason) == ("not measured", NOT_REACHED)
    assert (without.incumbent, without.challenger) == BACKENDS


def test_one_size_of_several_is_no_answer_of_a_family() -> None:
    """A model of one's own that has one size is measured with that."""
    rows: list[Measurement] = [
        measured(problem=f"{family}:8", family=family, size=8, backend=backend)
        for family in ("mlp-width", "mine")
        for backend in BACKENDS
    ]
    told = summarise(BACKENDS, Path("run"), FACTS, rows, families={"mlp-width": 9, "mine": 1})
    (short,) = told.crossovers
    assert (short.family, short.status, short.reason) == ("mlp-width", "not measured", NOT_REACHED)
