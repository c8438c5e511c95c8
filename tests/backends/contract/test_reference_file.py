from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perceptron.backends.contract import agreement
from perceptron.backends.contract.reference_file import load_reference, pack_reference
from perceptron.problems import catalogue


@pytest.mark.parametrize("name", ["mlp-depth:12", "mlp-batch:64"])
def test_a_reference_survives_the_trip_through_a_file(name: str, tmp_path: Path) -> None:
    """Workers of one run share references: names with spaces and digits, and what is not known."""
    expected = agreement.reference(catalogue.find(name))
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
        assert ours.spread == theirs.spread
        assert ours.movement == theirs.movement
