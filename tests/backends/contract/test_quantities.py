from __future__ import annotations

import numpy as np

from perceptron.backends.contract.quantities import Quantity


def test_a_model_is_judged_by_its_movement_or_by_that_of_all_where_it_hardly_moves() -> None:
    """By hand: 3 and 1 have the root mean square √5; a value that is not known counts nothing."""
    end = np.array([[3.0, 0.0], [1.0, 100.0]])
    known = np.array([[True, True], [True, False]])
    quantity = Quantity("weights", np.zeros((2, 2)), end, known={"float32": known}, models=2)
    np.testing.assert_allclose(quantity.moved("float32"), [3.0, np.sqrt(5.0)])
    np.testing.assert_allclose(quantity.norms(end + 1.0, "float32"), [np.sqrt(17.0), 2.0])


def test_movements_too_small_to_square_in_float32_are_not_lost() -> None:
    values = np.full(4, 1e-30, np.float32)
    quantity = Quantity("weights", np.zeros(4), values)
    np.testing.assert_allclose(quantity.moved("float32"), [2e-30], rtol=1e-6)
