from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.contract.problems import problems
from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Clusters
from perceptron.problems.problem import Problem, Unsupported

_PROBLEM = next(problem for problem in problems() if problem.name == "many-perceptrons")


def in_folds(rows: int, models: int) -> Problem:
    dataset = Clusters("clusters", rows, 5, classes=3)
    return replace(_PROBLEM, dataset=dataset, models=models, folds=True, batch=4)


def rows_of(inputs: Array) -> set[tuple[float, ...]]:
    """Return the rows as what can be compared; no two of `Clusters` are alike."""
    return {tuple(row) for row in inputs}


@pytest.mark.parametrize(("rows", "models"), [(12, 4), (12, 12), (14, 4)])
def test_every_row_is_held_out_once(rows: int, models: int) -> None:
    """By one model, whose training part has all others; those left over are held out by none."""
    problem = in_folds(rows, models)
    train, held_out = problem.parts()
    assert held_out is not None
    size = rows // models
    assert held_out.inputs.shape == (models, size, 5)
    assert train.inputs.shape == (models, rows - size, 5)
    assert train.targets.shape == (models, rows - size, 3)
    everything = rows_of(Clusters("clusters", rows, 5, classes=3).load().inputs)
    seen = [rows_of(fold) for fold in held_out.inputs]
    assert len(set.union(*seen)) == sum(len(fold) for fold in seen) == models * size
    for own, fold in zip(train.inputs, seen, strict=True):
        assert rows_of(own) == everything - fold


def test_each_model_alone_has_its_part_of_the_stack() -> None:
    """Inputs and targets to train on, what is held out, and the start."""
    problem = in_folds(14, 4)
    stacked = [array for part in problem.parts() for array in part or ()]
    starts = problem.stacked_start()
    for index in range(4):
        single = problem.single(index)
        assert (single.models, single.folds) == (1, False)
        own = [array for part in single.parts() for array in part or ()]
        for array, all_of_them in zip(own, stacked, strict=True):
            np.testing.assert_array_equal(array, all_of_them[index])
        for array, all_of_them in zip(single.start_parameters(), starts, strict=True):
            np.testing.assert_array_equal(array, all_of_them[index])


def test_who_knows_one_model_only_is_refused() -> None:
    """In one line: a backend refuses by itself."""
    problem = in_folds(12, 4)
    for ask in (problem.training_part, problem.held_out_part, problem.start_parameters):
        with pytest.raises(Unsupported, match="trains one model at a time, not 4 at once"):
            ask()


@pytest.mark.parametrize("models", [1, 13])
def test_rows_that_cannot_be_divided_are_refused(models: int) -> None:
    with pytest.raises(UserError, match=r"folds: 12 rows .* give models from 2 to 12"):
        in_folds(12, models)
