from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np

from perceptron.problems import catalogue
from perceptron.problems.problem import DTYPES
from perceptron.problems.typed import typed


def test_trainings_on_the_same_data_hold_one_copy() -> None:
    """Those of the models of a problem, in each dtype; of other targets there is another."""
    problem = catalogue.find("many-or-gates:4")
    for dtype in DTYPES:
        first, second = (typed(problem.single(index), dtype) for index in (0, 3))
        assert first.inputs is second.inputs
        assert first.targets is second.targets
        assert first.inputs.dtype == dtype
        assert first.inputs is not problem.training_part().inputs
    of_losses = [typed(replace(problem, loss=loss), "float32") for loss in ("mse", "bce")]
    assert of_losses[0].targets is not of_losses[1].targets


def test_what_nobody_holds_is_released() -> None:
    """Large data must not outlive their trainer."""
    problem = catalogue.find("or-gate")
    held = weakref.ref(typed(problem, np.float16).inputs)
    gc.collect(0)  # as soon as that
    assert held() is None
