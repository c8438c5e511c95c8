"""Gradient descent with hand-derived gradients, over any array module with NumPy's names.

For a layer a = A(y), y = x·w + b and a loss E of the last a, the chain rule gives

    ∂E/∂y = ∂E/∂a · A′(y),   ∂E/∂w = xᵀ · ∂E/∂y,   ∂E/∂b = Σ_rows ∂E/∂y,   ∂E/∂x = ∂E/∂y · wᵀ

and ∂E/∂x is the ∂E/∂a of the layer below. A′ is written in terms of a, which saves a second
evaluation of A. Temporaries are reused in place: at large sizes allocating them costs more than
the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from perceptron.problems.problem import Activation, Loss

Tensor = Any  # an array of the namespace at hand: numpy.ndarray, torch.Tensor, …
Namespace = Any  # numpy, torch, or what has functions of the same names

Activate = Callable[[Namespace, Tensor, Tensor | float], None]  # y → A(y), in place; takes a 1
Damp = Callable[[Namespace, Tensor, Tensor], None]  # ∂E/∂a, a → ∂E/∂y, overwriting ∂E/∂a


@dataclass(frozen=True)
class Network:
    """Arrays of one training, all of one dtype on one device.

    ``inputs`` (rows, features), ``targets`` (rows, 1), ``ones`` (rows,), and ``parameters`` as
    `Problem.start_parameters` orders them; `descend` updates these in place.
    """

    inputs: Tensor
    targets: Tensor
    ones: Tensor
    parameters: list[Tensor]
    activations: tuple[Activation, ...]
    loss: Loss
    rate: float

    @cached_property
    def layers(self) -> list[tuple[Tensor, Tensor, Activate, Damp]]:
        """Weights, bias, activation and its damping of each layer: looked up once, here."""
        return [
            (weights, bias, _ACTIVATE[activation], _DAMP[activation])
            for weights, bias, activation in zip(
                self.parameters[::2], self.parameters[1::2], self.activations, strict=True
            )
        ]

    @cached_property
    def scale(self) -> Tensor:
        """What scales every step, as an array: everything is linear in the slope of the loss."""
        one = self.ones[:1].reshape(())
        return (one * step_scale(self.loss, self.rate, len(self.targets))).reshape(())

    @cached_property
    def scaled(self) -> tuple[Tensor, Tensor]:
        """Inputs, transposed, and ones with the scale in them: for a network of one layer.

        Nothing else is multiplied with the slope there, and each step is spared an operation.
        """
        return self.inputs.T * self.scale, self.ones * self.scale


def step_scale(loss: Loss, rate: float, rows: int) -> float:
    """Return what scales every step: the rate, the 1/N of a mean and the 2 of a square."""
    factors: dict[Loss, float] = {"l1-sum": 1.0, "l1-mean": 1.0, "mse": 2.0, "bce": 1.0}
    return rate * factors[loss] / (1 if loss == "l1-sum" else rows)


def descend(xp: Namespace, network: Network, iterations: int) -> None:
    """Take ``iterations`` steps of gradient descent with the functions of ``xp``.

    These are ``matmul`` and what the activations and losses below call, as NumPy has them.
    """
    matmul, targets, ones = xp.matmul, network.targets, network.ones
    # Arrays, because NumPy would convert a Python number in each operation.
    one, scale = ones[:1].reshape(()), network.scale
    slope = _SLOPES[network.loss]
    first, *above_first = network.layers
    downward = list(enumerate(above_first, start=1))[::-1]
    weights_1, bias_1, _, damp_1 = first
    inputs_transposed, first_ones = network.scaled if not downward else (network.inputs.T, ones)
    for _ in range(iterations):
        outputs = forward(xp, network, one)
        predictions = outputs[-1]
        delta = predictions - targets
        slope(xp, delta, predictions)
        if downward:
            delta *= scale
        for index, (weights, bias, _, damp) in downward:
            damp(xp, delta, outputs[index + 1])
            below = matmul(delta, weights.T)
            weights -= matmul(outputs[index].T, delta)
            bias -= matmul(ones, delta)
            delta = below
        damp_1(xp, delta, outputs[1])
        weights_1 -= matmul(inputs_transposed, delta)
        bias_1 -= matmul(first_ones, delta)


def forward(xp: Namespace, network: Network, one: Tensor | float = 1.0) -> list[Tensor]:
    """Return the inputs and the output of each layer, (rows, width) each."""
    values = network.inputs
    outputs = [values]
    for weights, bias, activate, _ in network.layers:
        values = xp.matmul(values, weights)
        values += bias
        activate(xp, values, one)
        outputs.append(values)
    return outputs


def loss_value(xp: Namespace, network: Network) -> float:
    """Return the loss at the present parameters; see `Problem` for the definitions."""
    predictions = forward(xp, network)[-1]
    targets = network.targets
    if network.loss == "bce":
        likelihood = 1.0 - targets + (2.0 * targets - 1.0) * predictions
        # e⁻¹⁰⁰ is where torch.nn.BCELoss cuts off: it clips the logarithm at −100.
        return float(-xp.log(likelihood).clip(min=-100.0).mean())
    difference = predictions - targets
    if network.loss == "mse":
        return float((difference * difference).mean())
    error = abs(difference)
    return float(error.sum() if network.loss == "l1-sum" else error.mean())


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


def _l1_slope(xp: Namespace, delta: Tensor, predictions: Tensor) -> None:
    # The sign, not |f−t|/(f−t): an exact hit is 0 and not 0/0.
    xp.sign(delta, out=delta)


def _mse_slope(xp: Namespace, delta: Tensor, predictions: Tensor) -> None:
    pass


def _bce_slope(xp: Namespace, delta: Tensor, predictions: Tensor) -> None:
    variance = (1.0 - predictions) * predictions
    # As torch.nn.BCELoss does, so that a saturated prediction gives a finite gradient.
    delta /= xp.clip(variance, 1e-12, None)


_ACTIVATE: dict[Activation, Activate] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "identity": _identity,
}
_DAMP: dict[Activation, Damp] = {
    "sigmoid": _damp_sigmoid,
    "tanh": _damp_tanh,
    "relu": _damp_relu,
    "identity": _damp_identity,
}
# f − t, f → ∂E/∂f, overwriting f − t; without the factors of `step_scale`.
_SLOPES: dict[Loss, Callable[[Namespace, Tensor, Tensor], None]] = {
    "l1-sum": _l1_slope,
    "l1-mean": _l1_slope,
    "mse": _mse_slope,
    "bce": _bce_slope,
}
