"""Numba, a network of any size: one loop over layers, whose products are left to BLAS."""

from __future__ import annotations

from typing import Any

import numpy as np

from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.python_backend import scale_of, sgd_of, turns_of
from perceptron.backends.shared.compiled_layers import ACTIVATIONS, LOSSES, LoopArrays, descent
from perceptron.problems.problem import DType, Problem


class LayeredTrainer(NumpyTrainer):
    """Arrays for all layers, allocated once.

    A batch is gathered by its indices in the timed loop, whatever the problem's ``feed``: the host
    is the device.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        settings = settings_of(problem, dtype)
        super().__init__(problem, dtype)
        rows = problem.step_rows
        signals = np.empty(rows * sum(problem.widths), dtype)
        if self._batches is None:
            signals[: self._inputs.size] = self._inputs.ravel()
        self._arrays = LoopArrays(
            parameters=self._network.parameters,
            gradients=self._network.gradients,
            buffer=self._state[0] if self._state else np.empty(0, dtype),
            signals=signals,
            deltas=np.empty(rows * sum(problem.widths[1:]), dtype),
            targets=self._targets[:rows].copy(),
            all_inputs=self._inputs,
            all_targets=self._targets,
            **settings,
        )
        self._descend = descent()

    def train(self, iterations: int) -> None:
        self._descend(self._arrays, self._iteration, iterations)
        self._iteration += iterations


def settings_of(problem: Problem, dtype: DType) -> dict[str, Any]:
    """Return the fields of `LoopArrays` that no training changes and every model shares.

    Raises `Unsupported` for an optimizer other than sgd.
    """
    optimizer, real, rows = sgd_of(problem), np.dtype(dtype).type, problem.step_rows
    begins, ends = np.zeros(1, np.int64), np.full(1, rows)
    scales, orders = np.full(1, scale_of(problem, rows)), np.empty(0, np.int64)
    if problem.batches is not None:
        begins, ends, scales, orders = turns_of(problem, problem.batches)
    return {
        "widths": np.array(problem.widths),
        "activations": np.array([ACTIVATIONS.index(layer.activation) for layer in problem.layers]),
        "ones": np.ones(rows, dtype),
        "begins": begins,
        "ends": ends,
        "scales": scales.astype(dtype),
        "orders": orders,
        "loss": LOSSES.index(problem.loss),
        "nesterov": optimizer.nesterov,
        "momentum": real(optimizer.momentum),
        "decay": real(optimizer.rate * optimizer.weight_decay),
        "one": real(1.0),
        "smallest": real(1e-12),
    }
