from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Loss, Problem, classes_of, targets_for
from perceptron.problems.start import FanInStart


def _problem(outputs: int = 3, loss: Loss = "cross-entropy", batch: int | None = None) -> Problem:
    return Problem(
        name="three classes",
        family="three classes",
        size=10,
        dataset=Clusters("clusters", 10, 2, classes=3),
        layers=(Layer(outputs, "identity"),),
        loss=loss,
        optimizer=Sgd(rate=0.25),
        start=FanInStart(),
        batch=batch,
    )


def test_another_seed_is_another_start_and_order_of_the_same_training() -> None:
    """Seed 0 is the problem itself, and a seed does not depend on the seeds before it."""
    problem = _problem(batch=4)
    assert problem.with_seed(0) == problem
    others = [problem.with_seed(seed) for seed in (1, 2)]
    assert len({each.digest for each in (problem, *others)}) == 3
    orders = [each.batches.orders.tobytes() for each in (problem, *others) if each.batches]
    starts = [each.start_parameters()[0].tobytes() for each in (problem, *others)]
    assert len(set(orders)) == len(set(starts)) == 3
    assert problem.with_seed(2) == problem.with_seed(2)
    assert replace(others[1], start=problem.start, order_seed=1) == problem


losses = st.sampled_from(get_args(Loss))


@given(st.lists(st.integers(0, 4), min_size=1), losses)
def test_classes_become_a_one_among_zeros_and_come_back(labels: list[int], loss: Loss) -> None:
    """The form that every loss compares several outputs with."""
    targets = targets_for(np.array(labels, dtype=np.float64).reshape(-1, 1), loss, 5)
    assert targets.shape == (len(labels), 5)
    assert set(targets.ravel()) <= {0.0, 1.0}
    np.testing.assert_array_equal(targets.sum(axis=1), 1.0)
    assert classes_of(targets).tolist() == labels


@pytest.mark.parametrize(
    ("values", "outputs", "message"),
    [
        ([[0.0], [3.0]], 3, "classes 0 … 2, one for each output, but row 1 has 3"),
        ([[-1.0]], 3, "row 0 has -1"),
        ([[0.5]], 3, "row 0 has 0.5"),
        ([[float("nan")]], 3, "row 0 has nan"),
        ([[0.0, 1.0]], 3, "3 outputs do not fit 2 columns of targets"),
    ],
)
def test_targets_refuse_invalid_classes(
    values: list[list[float]], outputs: int, message: str
) -> None:
    """A backend would index past its outputs."""
    with pytest.raises(UserError, match=message):
        targets_for(np.array(values), "cross-entropy", outputs)
