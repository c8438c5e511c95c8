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
from types import ModuleType
from typing import Any

from perceptron.problems.problem import Activation, Loss

Tensor = Any  # an array of the module at hand: numpy.ndarray, torch.Tensor, …


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


def descend(xp: ModuleType, network: Network, iterations: int) -> None:
    """Take ``iterations`` steps of gradient descent with the functions of module ``xp``."""
    slope = _LOSS_SLOPES[network.loss]
    # The rate and the mean's 1/N scale everything below the loss, so they are applied once, here.
    scale = network.rate * (1.0 if network.loss == "l1-sum" else 1.0 / network.targets.shape[0])
    layers = [
        (index, network.parameters[2 * index], network.parameters[2 * index + 1], _DAMP[activation])
        for index, activation in reversed(list(enumerate(network.activations)))
    ]
    for _ in range(iterations):
        outputs = forward(xp, network)
        delta = slope(xp, outputs[-1], network.targets)
        delta *= scale
        for index, weights, bias, damp in layers:
            damp(xp, delta, outputs[index + 1])
            below = delta @ weights.T if index else None
            weights -= outputs[index].T @ delta
            bias -= network.ones @ delta
            delta = below


def forward(xp: ModuleType, network: Network) -> list[Tensor]:
    """The inputs and the output of each layer, (rows, width) each."""
    outputs = [network.inputs]
    for index, activation in enumerate(network.activations):
        values = outputs[-1] @ network.parameters[2 * index]
        values += network.parameters[2 * index + 1]
        _ACTIVATE[activation](xp, values)
        outputs.append(values)
    return outputs


def loss_value(xp: ModuleType, network: Network) -> float:
    """The loss at the present parameters; see `Problem` for the definitions."""
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


def _sigmoid(xp: ModuleType, values: Tensor) -> None:
    xp.negative(values, out=values)
    xp.exp(values, out=values)
    values += 1.0
    xp.reciprocal(values, out=values)


def _tanh(xp: ModuleType, values: Tensor) -> None:
    xp.tanh(values, out=values)


def _relu(xp: ModuleType, values: Tensor) -> None:
    xp.clip(values, 0.0, None, out=values)


def _identity(xp: ModuleType, values: Tensor) -> None:
    pass


def _damp_sigmoid(xp: ModuleType, delta: Tensor, output: Tensor) -> None:
    slope = 1.0 - output
    slope *= output
    delta *= slope


def _damp_tanh(xp: ModuleType, delta: Tensor, output: Tensor) -> None:
    slope = output * output
    xp.subtract(1.0, slope, out=slope)
    delta *= slope


def _damp_relu(xp: ModuleType, delta: Tensor, output: Tensor) -> None:
    delta *= output > 0.0


def _damp_identity(xp: ModuleType, delta: Tensor, output: Tensor) -> None:
    pass


def _l1_slope(xp: ModuleType, predictions: Tensor, targets: Tensor) -> Tensor:
    # The sign, not |f−t|/(f−t): an exact hit is 0 and not 0/0.
    slope = predictions - targets
    xp.sign(slope, out=slope)
    return slope


def _mse_slope(xp: ModuleType, predictions: Tensor, targets: Tensor) -> Tensor:
    slope = predictions - targets
    slope *= 2.0
    return slope


def _bce_slope(xp: ModuleType, predictions: Tensor, targets: Tensor) -> Tensor:
    slope = predictions - targets
    variance = (1.0 - predictions) * predictions
    # As torch.nn.BCELoss does, so that a saturated prediction gives a finite gradient.
    slope /= xp.clip(variance, 1e-12, None)
    return slope


_ACTIVATE: dict[Activation, Callable[[ModuleType, Tensor], None]] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "identity": _identity,
}
# What ∂E/∂a must be multiplied with to become ∂E/∂y, in place.
_DAMP: dict[Activation, Callable[[ModuleType, Tensor, Tensor], None]] = {
    "sigmoid": _damp_sigmoid,
    "tanh": _damp_tanh,
    "relu": _damp_relu,
    "identity": _damp_identity,
}
# ∂E/∂f, without the 1/N of a mean.
_LOSS_SLOPES: dict[Loss, Callable[[ModuleType, Tensor, Tensor], Tensor]] = {
    "l1-sum": _l1_slope,
    "l1-mean": _l1_slope,
    "mse": _mse_slope,
    "bce": _bce_slope,
}
