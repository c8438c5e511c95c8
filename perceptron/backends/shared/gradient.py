"""Hand-derived gradients over any array module with NumPy's names, and steps along them.

For a layer a = A(y), y = x·w + b and a loss E of the last a, the chain rule gives

    ∂E/∂y = ∂E/∂a · A′(y),   ∂E/∂w = xᵀ · ∂E/∂y,   ∂E/∂b = Σ_rows ∂E/∂y,   ∂E/∂x = ∂E/∂y · wᵀ

and ∂E/∂x is the ∂E/∂a of the layer below. A′ is written in terms of a, which saves a second
evaluation of A. Temporaries are reused in place: at large sizes allocating them costs more than
the arithmetic. All parameters lie in one flat array and all gradients in another, so that an
optimizer passes over each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from perceptron.problems.problem import Activation, Loss, Problem

Tensor = Any  # an array of the namespace at hand: numpy.ndarray, torch.Tensor, …
Namespace = Any  # numpy, torch, or what has functions of the same names

Activate = Callable[[Namespace, Tensor, Tensor | float], None]  # y → A(y), in place; takes a 1
Damp = Callable[[Namespace, Tensor, Tensor], None]  # ∂E/∂a, a → ∂E/∂y, overwriting ∂E/∂a
Slope = Callable[[Namespace, Tensor, Tensor], Tensor]  # f, t → ∂E/∂f, without factors
Step = Callable[[], None]  # move the parameters along the gradients that lie ready


class Batch(NamedTuple):
    """The rows of one iteration.

    ``inputs`` (rows, features) and their transpose, ``targets`` (rows, outputs), ``ones`` (rows,)
    and, as an array of one value, the ``scale`` of the loss's slope; None if ``transposed`` and
    ``ones`` are scaled already.
    """

    inputs: Tensor
    transposed: Tensor
    targets: Tensor
    ones: Tensor
    scale: Tensor | None


@dataclass(frozen=True)
class Network:
    """Arrays of one model, all of one dtype on one device.

    ``parameters`` and ``gradients`` are flat arrays of equal size, in the order of
    `Problem.start_parameters` for layers of these `Problem.widths`.

    Several ``models`` of one layer on the same inputs are one layer, in which the outputs of each
    stand side by side. Only the loss tells them apart: their targets are (rows, models, outputs),
    or (rows, 1, outputs) where all have the same.
    """

    parameters: Tensor
    gradients: Tensor
    widths: Sequence[int]
    activations: tuple[Activation, ...]
    loss: Loss
    models: int = 1

    @cached_property
    def arrays(self) -> list[Tensor]:
        """Views of the parameters: [weights 1 (fan in, fan out), bias 1 (fan out,), …]."""
        return views(self.parameters, self.widths)

    @cached_property
    def gradient_arrays(self) -> list[Tensor]:
        """Views of the gradients, as `arrays`."""
        return views(self.gradients, self.widths)

    @cached_property
    def layers(self) -> list[tuple[Tensor, Tensor, Activate]]:
        """Weights, bias and activation of each layer: looked up once, here."""
        return [
            (weights, bias, ACTIVATE[activation])
            for weights, bias, activation in zip(
                self.arrays[::2], self.arrays[1::2], self.activations, strict=True
            )
        ]

    @cached_property
    def downward(self) -> list[tuple[int, Tensor, Damp, Tensor, Tensor]]:
        """Index, weights, damping and both gradients of each layer, the last layer first."""
        arrays, gradients = self.arrays, self.gradient_arrays
        layers = [
            (index, arrays[2 * index], DAMP[activation], *gradients[2 * index : 2 * index + 2])
            for index, activation in enumerate(self.activations)
        ]
        return layers[::-1]

    @cached_property
    def slope(self) -> Slope:
        """The slope of the loss; of several models that of each one's outputs."""
        of_one, models = SLOPES[self.loss], self.models
        if models == 1:
            return of_one

        def of_each(xp: Namespace, predictions: Tensor, targets: Tensor) -> Tensor:
            apart = predictions.reshape(len(predictions), models, -1)
            return of_one(xp, apart, targets).reshape(predictions.shape)

        return of_each


def network_of(problem: Problem, parameters: Tensor, gradients: Tensor | None = None) -> Network:
    """Return the network of a problem on flat arrays; `forward` alone needs no gradients."""
    return Network(
        parameters=parameters,
        gradients=gradients,
        widths=problem.widths,
        activations=tuple(layer.activation for layer in problem.layers),
        loss=problem.loss,
    )


def views(flat: Tensor, widths: Sequence[int], models: int | None = None) -> list[Tensor]:
    """Return the arrays of a network whose values lie in one flat array, as views of it.

    Those of so many ``models`` are stacked: array after array, and in each model after model.
    """
    arrays, begin = [], 0
    stack = () if models is None else (models,)
    for fan_in, fan_out in pairwise(widths):
        for own in ((fan_in, fan_out), (fan_out,)):
            shape = (*stack, *own)
            arrays.append(flat[begin : begin + prod(shape)].reshape(shape))
            begin += prod(shape)
    return arrays


def slope_scale(loss: Loss, rows: int, outputs: int) -> float:
    """Return what scales the slope of a loss: the 1/N of a mean and the 2 of a square."""
    if loss == "l1-sum":
        return 1.0
    return (2.0 if loss == "mse" else 1.0) / (rows if loss == "cross-entropy" else rows * outputs)


def batch_of(inputs: Tensor, targets: Tensor, ones: Tensor, scale: Tensor) -> Batch:
    """Return a batch of rows that change from one iteration to the next."""
    return Batch(inputs, inputs.T, targets, ones, scale)


def whole_batch(network: Network, inputs: Tensor, targets: Tensor, scale: Tensor) -> Batch:
    """Return all rows as one batch, which stays the same.

    In a network of one layer nothing but inputs and ones is multiplied with the slope: with the
    scale in them, each iteration is spared an operation.
    """
    ones = inputs[:, 0] * 0.0 + 1.0
    if len(network.activations) > 1:
        return Batch(inputs, inputs.T, targets, ones, scale)
    return Batch(inputs, inputs.T * scale, targets, ones * scale, None)


def train(xp: Namespace, network: Network, batches: Iterable[Batch], step: Step) -> None:
    """Take a step on each batch: compute the gradients with the functions of ``xp``, and ``step``.

    These are ``matmul`` and what the activations and losses below call, as NumPy has them.
    """
    matmul, slope = xp.matmul, network.slope
    # An array, because NumPy would convert a Python number in each operation.
    one = network.parameters[:1].reshape(()) * 0.0 + 1.0
    downward = network.downward
    for inputs, transposed, targets, ones, scale in batches:
        outputs = forward(xp, network, inputs, one)
        delta = slope(xp, outputs[-1], targets)
        if scale is not None:
            delta *= scale
        for index, weights, damp, weights_gradient, bias_gradient in downward:
            damp(xp, delta, outputs[index + 1])
            matmul(outputs[index].T if index else transposed, delta, out=weights_gradient)
            matmul(ones, delta, out=bias_gradient)
            if index:
                delta = matmul(delta, weights.T)
        step()


def forward(
    xp: Namespace, network: Network, inputs: Tensor, one: Tensor | float = 1.0
) -> list[Tensor]:
    """Return the inputs and the output of each layer, (rows, width) each."""
    values = inputs
    outputs = [values]
    for weights, bias, activate in network.layers:
        values = xp.matmul(values, weights)
        values += bias
        activate(xp, values, one)
        outputs.append(values)
    return outputs


def _sigmoid(xp: Namespace, values: Tensor, one: Tensor | float) -> None:
    xp.negative(values, out=values)
    xp.exp(values, out=values)
    values += one
    xp.reciprocal(values, out=values)


def _tanh(xp: Namespace, values: Tensor, one: Tensor | float) -> None:
    xp.tanh(values, out=values)


def _relu(xp: Namespace, values: Tensor, one: Tensor | float) -> None:
    xp.clip(values, 0.0, None, out=values)


def _identity(xp: Namespace, values: Tensor, one: Tensor | float) -> None:
    pass


def _damp_sigmoid(xp: Namespace, delta: Tensor, output: Tensor) -> None:
    slope = output * output
    xp.subtract(output, slope, out=slope)
    delta *= slope


def _damp_tanh(xp: Namespace, delta: Tensor, output: Tensor) -> None:
    slope = output * output
    slope *= delta
    delta -= slope


def _damp_relu(xp: Namespace, delta: Tensor, output: Tensor) -> None:
    delta *= output > 0.0


def _damp_identity(xp: Namespace, delta: Tensor, output: Tensor) -> None:
    pass


def _l1_slope(xp: Namespace, predictions: Tensor, targets: Tensor) -> Tensor:
    # The sign, not |f−t|/(f−t): an exact hit is 0 and not 0/0.
    delta = predictions - targets
    xp.sign(delta, out=delta)
    return delta


def _mse_slope(xp: Namespace, predictions: Tensor, targets: Tensor) -> Tensor:
    return predictions - targets


def _bce_slope(xp: Namespace, predictions: Tensor, targets: Tensor) -> Tensor:
    variance = (1.0 - predictions) * predictions
    delta = predictions - targets
    # As torch.nn.BCELoss does, so that a saturated prediction gives a finite gradient.
    delta /= xp.clip(variance, 1e-12, None)
    return delta


def _cross_entropy_slope(xp: Namespace, predictions: Tensor, targets: Tensor) -> Tensor:
    # The largest is taken off, so that no exponential overflows.
    delta = predictions - xp.amax(predictions, axis=-1, keepdims=True)
    xp.exp(delta, out=delta)
    delta /= delta.sum(-1)[..., None]
    delta -= targets
    return delta


ACTIVATE: dict[Activation, Activate] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "identity": _identity,
}
DAMP: dict[Activation, Damp] = {
    "sigmoid": _damp_sigmoid,
    "tanh": _damp_tanh,
    "relu": _damp_relu,
    "identity": _damp_identity,
}
# f, t → ∂E/∂f without the factors of `slope_scale`. Cross-entropy has its softmax in it: f are the
# values before that.
SLOPES: dict[Loss, Slope] = {
    "l1-sum": _l1_slope,
    "l1-mean": _l1_slope,
    "mse": _mse_slope,
    "bce": _bce_slope,
    "cross-entropy": _cross_entropy_slope,
}
