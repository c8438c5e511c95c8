from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perceptron.backends.contract import agreement, several_models
from perceptron.backends.contract.problems import problems
from perceptron.backends.contract.reference_file import load_reference, pack_reference
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem

MANY_BY_ADAM = next(problem for problem in problems() if problem.name == "many-adam")


@pytest.mark.parametrize(
    "problem",
    [
        *map(catalogue.find, ("mlp-depth:12", "mlp-batch:64", "many-or-gates:16")),
        replace(MANY_BY_ADAM, models=several_models.MOST_ALONE + 2),
    ],
    ids=lambda problem: problem.name,
)
def test_a_reference_survives_the_trip_through_a_file(problem: Problem, tmp_path: Path) -> None:
    """Workers of one run share references: names with spaces and digits, what is not known, and
    of how many models."""
    expected = agreement.reference(problem)
    file = tmp_path / "reference.npz"
    file.write_bytes(pack_reference(expected))
    loaded = load_reference(file)
    assert loaded.accuracies == expected.accuracies
    assert [quantity.name for quantity in loaded.quantities] == [
        quantity.name for quantity in expected.quantities
    ]
    for ours, theirs in zip(loaded.quantities, expected.quantities, strict=True):
        np.testing.assert_array_equal(ours.start, theirs.start)
        np.testing.assert_array_equal(ours.end, theirs.end)
        np.testing.assert_array_equal(ours.mask("float32"), theirs.mask("float32"))
        assert (ours.models, ours.outliers) == (theirs.models, theirs.outliers)
        assert ours.spread == theirs.spread
        assert ours.movement == theirs.movement
