from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.problems import catalogue
from perceptron.problems.cost import (
    bytes_moved,
    memory,
    operations,
    parameter_count,
    products,
    rows_at_once,
)
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import Adam, Sgd

shapes = st.tuples(st.integers(1, 40), st.integers(1, 20))


def test_products_are_counted_by_hand() -> None:
    """2·r·m·n a product, three for each layer but the first, which needs no input gradient."""
    problem = FAMILIES["mlp-map"].problem(10, 5)
    assert products(problem) == 2 * (2 * 10 * 64 * 5) + 3 * (2 * 10 * 5 * 1)
    assert operations(problem) > products(problem)


@given(shapes, st.integers(2, 4))
def test_costs_grow_with_the_problem(shape: tuple[int, int], factor: int) -> None:
    """More rows never take fewer operations, bytes or memory."""
    small = FAMILIES["mlp-map"].problem(*shape)
    large = FAMILIES["mlp-map"].problem(shape[0] * factor, shape[1])
    assert operations(large) > operations(small)
    assert bytes_moved(large, "float32") > bytes_moved(small, "float32")
    assert memory(large, "float32") > memory(small, "float32")
    assert memory(large, "float64") > memory(large, "float32")


CLASSIFIER = catalogue.find("mlp:4000x20x64:10c:100b")


def test_cost_of_step_is_of_its_batch() -> None:
    """A step on a batch costs what one on a data set of as many rows does."""
    whole = catalogue.find("mlp:100x20x64:10c")
    assert products(CLASSIFIER) == products(whole)
    assert operations(CLASSIFIER) == operations(whole)
    # The batch is read from the data set and written first: inputs and targets.
    gathered = 2 * 100 * (20 + 10) * 4
    assert bytes_moved(CLASSIFIER, "float32") == bytes_moved(whole, "float32") + gathered


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_cost_includes_optimizer_state(momentum: float) -> None:
    """Held once for each parameter, read and written at each step."""
    plain = replace(CLASSIFIER, optimizer=Sgd(rate=0.1, momentum=momentum))
    adam = replace(CLASSIFIER, optimizer=Adam())
    more = (2 if momentum == 0.0 else 1) * 4 * parameter_count(CLASSIFIER)
    assert memory(adam, "float32") - memory(plain, "float32") == more
    assert bytes_moved(adam, "float32") - bytes_moved(plain, "float32") == 2 * more
    assert operations(adam) > operations(plain)


def test_evaluating_does_not_hold_the_activations_of_all_rows() -> None:
    """A million rows of width 4096 would be 16 GB; they are evaluated in parts."""
    problem = catalogue.find("mlp:1000000x8x4096:10c:128b")
    assert rows_at_once(problem) * 4096 <= 2**24
    assert memory(problem, "float32") < 2**30
    assert rows_at_once(CLASSIFIER) == 4000


def test_cost_memory_includes_row_orders() -> None:
    """As many as are made beforehand, eight bytes an index."""
    whole = replace(CLASSIFIER, batch=None)
    batches = CLASSIFIER.batches
    assert batches is not None
    one_batch = replace(CLASSIFIER, batch=4000)
    assert memory(one_batch, "float32") - memory(whole, "float32") == batches.orders.nbytes


def test_several_models_cost_so_many_times_as_much() -> None:
    """But they share the data: only with folds are there as many sets of rows."""
    one = replace(CLASSIFIER, batch=None)
    several, folds = replace(one, models=5), replace(one, models=5, folds=True)
    assert parameter_count(several) == 5 * parameter_count(one)
    assert products(several) == 5 * products(one)
    assert operations(several) == 5 * operations(one)
    for moved in (bytes_moved, memory):
        assert moved(one, "float32") < moved(several, "float32") < 5 * moved(one, "float32")
    # Each trains on four fifths of the rows.
    assert products(folds) == 4 * products(one)
    assert bytes_moved(folds, "float32") > 0.8 * bytes_moved(several, "float32")
    assert rows_at_once(several) * 5 <= max(rows_at_once(one) * 5, one.dataset.rows)
