from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.problems.batches import Last
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import Problem
from tests.backends.conftest import network


def batched(keep: Last = "keep") -> Problem:
    """Return a problem whose epochs are 8 batches of 3 rows and one of 1, kept or dropped."""
    return network(
        ((4, "tanh"),),
        "identity",
        "cross-entropy",
        rows=25,
        optimizer=Adam(rate=0.01),
        batch=3,
        keep=keep,
    )


@pytest.mark.parametrize("keep", get_args(Last))
def test_two_trainings_are_one_over_the_ends_of_epochs(keep: Last) -> None:
    """The second goes on with the next batch and with Adam's averages as they are."""
    once, twice = NumpyTrainer(batched(keep), "float64"), NumpyTrainer(batched(keep), "float64")
    once.train(100)
    twice.train(50)
    twice.train(50)
    assert_equal(once, twice)


def test_reset_in_the_middle_of_an_epoch_resets_batches_and_state() -> None:
    """What follows is what follows a fresh start."""
    fresh, used = (NumpyTrainer(batched(), "float64") for _ in range(2))
    used.train(13)
    used.reset()
    for trainer in (fresh, used):
        trainer.train(20)
    assert_equal(fresh, used)


def test_the_last_short_batch_counts_with_its_own_mean() -> None:
    """One step on it is a step on all rows of a data set that has these rows alone."""
    problem = replace(batched(), optimizer=Sgd(rate=0.1))
    batches = problem.batches
    assert batches is not None
    trainer = NumpyTrainer(problem, "float64")
    trainer.train(8)
    before = trainer.parameters()
    rows = batches.indices(8)
    assert len(rows) == 1
    part = problem.training_part()
    alone = NumpyTrainer(replace(problem, batch=1), "float64")
    for array, value in zip(alone._network.arrays, before, strict=True):
        array[...] = value
    assert alone._batches is not None
    order = alone._batches.indices(0)  # its first batch gets the rows of the other's last
    alone._inputs, alone._targets = alone._inputs.copy(), alone._targets.copy()
    alone._inputs[order], alone._targets[order] = part.inputs[rows], part.targets[rows]
    for either in (trainer, alone):
        either.train(1)
    assert_equal(trainer, alone)


@pytest.mark.parametrize(("keep", "seen"), [("keep", 25), ("drop", 24)])
def test_an_epoch_sees_every_row_once_or_all_but_the_dropped(keep: Last, seen: int) -> None:
    """The gathered inputs themselves are counted."""
    trainer = NumpyTrainer(batched(keep), "float64")
    assert trainer._batches is not None
    rows = np.concatenate([batch.inputs for batch in trainer._gathered(trainer._batches.per_epoch)])
    assert len(rows) == len(np.unique(rows, axis=0)) == seen


def assert_equal(first: NumpyTrainer, second: NumpyTrainer) -> None:
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-15)
