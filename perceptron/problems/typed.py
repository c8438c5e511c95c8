"""A problem's data in the dtype of a training: one copy for all trainers that hold it at a time.

A thousand trainings of the same rows, one after the other, would otherwise read a copy each, and
find it in no cache.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from perceptron.problems.datasets import Array, Part
from perceptron.problems.problem import Problem

_held: WeakValueDictionary[tuple[Any, ...], Array] = WeakValueDictionary()


def typed(problem: Problem, dtype: npt.DTypeLike) -> Part:
    """Return `Problem.training_part` in this dtype; read-only.

    The arrays are kept for as long as anybody holds them, and no longer.
    """
    key = (problem.dataset, problem.loss, problem.outputs, np.dtype(dtype).name)
    keys = [(*key, "inputs"), (*key, "targets")]
    inputs, targets = (_held.get(key) for key in keys)
    if inputs is None or targets is None:
        inputs, targets = (array.astype(dtype) for array in problem.training_part())
        for array in (inputs, targets):
            array.setflags(write=False)
        _held.update(zip(keys, (inputs, targets), strict=True))
    return Part(inputs, targets)
