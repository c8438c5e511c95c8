from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.problems.batches import CYCLE, Batches, Last


@st.composite
def _batches(draw: st.DrawFn) -> Batches:
    rows = draw(st.integers(1, 300))
    size = draw(st.integers(1, rows))
    return Batches(rows, size, draw(st.sampled_from(get_args(Last))), draw(st.integers(0, 9)))


batches = _batches()


@given(batches, st.integers(0, 3))
def test_batches_epoch_passes_each_row_once(batches: Batches, epoch: int) -> None:
    """Each row stands in one batch of it, those of a dropped batch in none; the last is shorter."""
    first = epoch * batches.per_epoch
    steps = [batches.indices(first + index) for index in range(batches.per_epoch)]
    seen = np.concatenate(steps)
    assert len(np.unique(seen)) == len(seen) == batches.rows_per_epoch
    rest = 0 if batches.last == "keep" else batches.rows % batches.size
    assert len(seen) == batches.rows - rest
    *full, last = steps
    assert {len(step) for step in full} <= {batches.size}
    assert len(last) == batches.shortest


@given(batches, st.integers(0, 10**6), st.integers(0, 400))
def test_spans_are_the_bounds_of_iterations_one_after_the_other(
    batches: Batches, iteration: int, iterations: int
) -> None:
    """From wherever a training stands, across the ends of epochs and of the cycle."""
    spans = list(batches.spans(iteration, iterations))
    assert spans == [batches.bounds(iteration + index) for index in range(iterations)]


@given(batches, st.integers(0, 10**6))
def test_batches_begin_again_after_a_cycle(batches: Batches, iteration: int) -> None:
    """The orders made beforehand serve a training of any length."""
    assert 1 <= batches.epochs <= CYCLE
    assert len(batches.orders) == batches.epochs * batches.rows_per_epoch
    again = batches.indices(iteration + batches.cycle)
    np.testing.assert_array_equal(batches.indices(iteration), again)


def test_epochs_and_seeds_have_orders_of_their_own_and_every_process_the_same() -> None:
    """Backends are compared on the very same batches."""
    batches = Batches(1000, 32)
    first = batches.order(0)
    np.testing.assert_array_equal(first, Batches(1000, 32).order(0))
    np.testing.assert_array_equal(first[:100], [*Batches(1000, 1, "drop").order(0)[:100]])
    for other in (batches.order(1), Batches(1000, 32, seed=2).order(0), np.arange(1000)):
        assert (first != other).any()


@pytest.mark.parametrize(("rows", "epochs"), [(64, 64), (2**15, 32), (2**20, 1), (2**21, 1)])
def test_orders_are_as_many_as_memory_allows(rows: int, epochs: int) -> None:
    """A million indices, or the first epoch's where one has more."""
    assert Batches(rows, 8).epochs == epochs
