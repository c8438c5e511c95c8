from __future__ import annotations

import numpy as np
import pytest

from perceptron.problems.start import FanInStart, GivenStart, Start, UnitStart

WIDTHS = (3, 2, 1)


@pytest.mark.parametrize(
    "start", [UnitStart(), UnitStart(5), FanInStart(), FanInStart(seed=2, gain=3.0)]
)
def test_models_start_where_each_would_alone(start: Start) -> None:
    """The first where a single training does, and no two in the same place."""
    stacked = start.stacked(WIDTHS, 4)
    assert [array.shape for array in stacked] == [(4, 3, 2), (4, 2), (4, 2, 1), (4, 1)]
    for index in range(4):
        for array, own in zip(stacked, start.of_model(index).parameters(WIDTHS), strict=True):
            np.testing.assert_array_equal(array[index], own)
    for array, own in zip(stacked, start.parameters(WIDTHS), strict=True):
        np.testing.assert_array_equal(array[0], own)
    assert len({array.tobytes() for array in stacked[0]}) == 4


def test_a_given_start_is_stacked_already() -> None:
    arrays = tuple(FanInStart().stacked(WIDTHS, 3))
    given = GivenStart(arrays)
    for index in range(3):
        for array, own in zip(arrays, given.of_model(index).parameters(WIDTHS), strict=True):
            np.testing.assert_array_equal(array[index], own)
    for array, own in zip(arrays, given.stacked(WIDTHS, 3), strict=True):
        np.testing.assert_array_equal(array, own)
