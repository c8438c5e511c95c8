"""What a model with given parameters answers, in float64 and without a trainer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from perceptron.backends.shared.gradient import ACTIVATE, Network, forward
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem


def predict(problem: Problem, parameters: Iterable[Array], inputs: Array) -> Array:
    """Return the model's outputs (rows, outputs) in float64 for inputs (rows, features).

    ``parameters`` are in the order of `Problem.start_parameters`, of any widths. Those of several
    models are stacked, as are inputs that are not the same for all: outputs are then (models, rows,
    outputs).
    """
    if problem.models > 1:
        return _stacked(problem, [np.asarray(array, np.float64) for array in parameters], inputs)
    arrays = [np.asarray(array, np.float64) for array in parameters]
    flat = np.concatenate([array.ravel() for array in arrays])
    network = Network(
        parameters=flat,
        gradients=flat,
        widths=[len(arrays[0]), *(bias.size for bias in arrays[1::2])],
        activations=tuple(layer.activation for layer in problem.layers),
        loss=problem.loss,
    )
    with np.errstate(over="ignore"):
        outputs: Array = forward(np, network, np.asarray(inputs, np.float64))[-1]
    return outputs


def _stacked(problem: Problem, arrays: list[Array], inputs: Array) -> Array:
    values = np.asarray(inputs, np.float64)
    layers = zip(arrays[::2], arrays[1::2], problem.layers, strict=True)
    with np.errstate(over="ignore"):
        for weights, bias, layer in layers:
            values = np.matmul(values, weights)
            values += bias[:, None, :]
            ACTIVATE[layer.activation](np, values, 1.0)
    return values
