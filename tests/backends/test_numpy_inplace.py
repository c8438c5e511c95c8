from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import get_args

import pytest

from perceptron.backends.numpy_inplace import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.problem import Activation, Loss
from tests.backends.conftest import network


@pytest.mark.parametrize("loss", get_args(Loss))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_training_allocates_nothing(activation: Activation, loss: Loss) -> None:
    """No array is made in the loop, not even a copy that a product makes of its operands."""
    problem = network(((5, activation), (40, activation)), "sigmoid", loss, rows=1000)
    trainer = BACKEND.prepare(problem, "float64")
    trainer.train(1)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        trainer.train(10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    smallest = 1000 * 8  # the output of the last layer; the rest are objects of Python
    assert peak - before < smallest


def test_a_batch_is_gathered_into_arrays_that_are_there() -> None:
    """Neither gathering, nor a step of Adam, nor the shorter last batch makes an array."""
    problem = replace(catalogue.find("digits"), batch=500)
    trainer = BACKEND.prepare(problem, "float64")
    trainer.train(4)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        trainer.train(10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 500 * 10 * 8  # the targets of a batch


def test_training_writes_into_the_same_arrays() -> None:
    """Training writes into the arrays that `prepare` made."""
    trainer = BACKEND.prepare(catalogue.find("xor-hidden"), "float32")
    addresses = [array.ctypes.data for array in trainer._arrays]
    trainer.train(5)
    trainer.reset()
    assert addresses == [array.ctypes.data for array in trainer._arrays]
