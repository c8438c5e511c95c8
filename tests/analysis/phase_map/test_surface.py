from __future__ import annotations

from itertools import product
from math import log

import numpy as np
import pytest

from perceptron.analysis.phase_map.grid import CellGrid, log_grid
from perceptron.analysis.phase_map.surface import surfaces, variance_of_a_cell

SIZES = (4, 16, 64, 256)
GRID = log_grid((4, 256), (4, 256), 7)


def test_a_power_law_is_a_plane() -> None:
    """In logarithms: exact between the measured cells as well."""
    known = {(x, y): {"numpy": [1e-6 * x * y**0.5]} for x, y in product(SIZES, SIZES)}
    surface = surfaces(GRID, known)["numpy"]
    exact = [[log(1e-6 * x * y**0.5) for y in GRID.y_values] for x in GRID.x_values]
    assert surface == pytest.approx(np.array(exact))


def test_a_backend_has_no_time_where_it_failed_nearby() -> None:
    """On the side of the cells that were tried in vain; the other backend is untouched."""
    known = {
        (x, y): {"numpy": [1.0]} | ({"torch-cuda": [1.0]} if x < 64 else {})
        for x, y in product(SIZES, SIZES)
    }
    fields = surfaces(GRID, known)
    assert not np.isnan(fields["numpy"]).any()
    assert np.isnan(fields["torch-cuda"][-1]).all()
    assert not np.isnan(fields["torch-cuda"][0]).any()


def test_one_cell_is_everywhere() -> None:
    """There is no plane through one cell, nor through a line of them."""
    grid = CellGrid((4, 16), (4,))
    assert surfaces(grid, {(4, 4): {"numpy": [1.0]}})["numpy"] == pytest.approx(np.zeros((2, 1)))


def test_the_variance_is_that_of_a_mean_over_processes() -> None:
    assert variance_of_a_cell({(4, 4): {"numpy": [1.0]}}) == 0
    values = [1.0, 1.1, 1.3]
    expected = np.log(values).var(ddof=1) / 3
    known = {(4, 4): {"numpy": values, "torch-cpu": [2.0]}, (4, 16): {"numpy": values}}
    assert variance_of_a_cell(known) == pytest.approx(expected)
