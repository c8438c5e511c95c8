"""A network's outputs and gradients, derived by hand, over the arrays of any library.

For a layer a = A(y), y = x·w + b and a loss E of the last a, the chain rule gives

    ∂E/∂y = ∂E/∂a · A′(y),   ∂E/∂w = xᵀ · ∂E/∂y,   ∂E/∂b = Σ_rows ∂E/∂y,   ∂E/∂x = ∂E/∂y · wᵀ

and ∂E/∂x is the ∂E/∂a of the layer below. A′ is written in terms of a, which saves a second
evaluation of A. Temporaries are reused in place: at large sizes allocating them costs more than
the arithmetic.

With an axis of models in front the same formulas train several models: a product is then a stack of
products. Models of one layer on the same inputs are one wide layer instead, with the outputs of all
models side by side: only the loss treats them separately, and one product serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from operator import attrgetter, methodcaller
from typing import Any, NamedTuple

from perceptron.problems.problem import Activation, Loss, Problem

Tensor = Any  # an array of the library at hand: numpy.ndarray, torch.Tensor, …
Namespace = Any  # numpy, torch, or a module with functions of the same names

Activate = Callable[[Tensor], Tensor]  # y → A(y), in place
Damp = Callable[[Tensor, Tensor], Tensor]  # ∂E/∂a, a → ∂E/∂y, overwriting ∂E/∂a
Slope = Callable[[Tensor, Tensor], Tensor]  # f, t → ∂E/∂f, without factors
Step = Callable[[], object]  # move the parameters along the gradients just computed


class Library(NamedTuple):
    """Functions that differ between libraries, on matrices or on stacks of matrices.

    Functions return their result, which is ``out`` if passed. JAX's arrays are immutable: there
    ``out`` is an object that holds the result.
    """

    xp: Namespace
    """A module of functions with NumPy's names: amax, exp, sqrt, zeros_like …"""
    layer: Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]
    """Weights, bias → a function: values → values · weights + bias, in a new array."""
    matmul: Callable[..., Tensor]
    """Left, right, ``out`` → their matrix product."""
    row_sums: Callable[..., Tensor]
    """Ones (rows,), values, ``out`` → the sums of the values over the rows."""
    transposed: Callable[[Tensor], Tensor]
    spread: Callable[..., Tensor] | None = None
    """For stacks: inputs, models → inputs as products with stacks take them. None for matrices."""
    last_layer: Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]] | None = None
    """As ``layer``, for the last layer; None if it is like the others."""


class Batch(NamedTuple):
    """The rows of one iteration.

    ``inputs`` ([models,] rows, features) and their transpose, ``targets`` ([models,] rows, outputs)
    or, for models side by side, (rows, models or 1, outputs), ``ones`` (rows,) and, as a 0-d array,
    the ``scale`` of the loss's slope; None if ``transposed`` and ``ones`` are scaled already.
    """

    inputs: Tensor
    transposed: Tensor
    targets: Tensor
    ones: Tensor
    scale: Tensor | None


class Network:
    """A network on arrays of a library; attributes and functions are looked up once, here.

    ``arrays`` are [weights 1 (fan in, fan out), bias 1 (fan out,), …], or stacked (models, …), and
    ``gradients`` the same or holders of them; `forward` needs none. ``one`` is 1 as an array,
    because NumPy would convert a number in each operation. ``beside`` is the number of models side
    by side in a single layer.
    """

    def __init__(
        self,
        library: Library,
        arrays: Sequence[Tensor],
        gradients: Sequence[Tensor],
        activations: Sequence[Activation],
        loss: Loss,
        one: Tensor | float = 1.0,
        beside: int = 1,
    ) -> None:
        self.arrays = arrays
        self._library, self._gradients, self._beside = library, gradients, beside
        self._activations, self._loss = activations, loss
        self._spread = library.spread and partial(library.spread, models=len(arrays[0]))
        makers = [library.layer] * (len(activations) - 1) + [library.last_layer or library.layer]
        self._layers = [
            (make(weights, bias), ACTIVATE[activation](library.xp, one))
            for make, weights, bias, activation in zip(
                makers, arrays[::2], arrays[1::2], activations, strict=True
            )
        ]

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """Return the inputs and the output of each layer, ([models,] rows, width) each."""
        values = inputs
        outputs = [values]
        for layer, activate in self._layers:
            values = activate(layer(values))
            outputs.append(values)
        return outputs

    def outputs(self, inputs: Tensor) -> Tensor:
        """Return the last layer's outputs."""
        return self.forward(self._spread(inputs) if self._spread else inputs)[-1]

    def batch(self, inputs: Tensor, targets: Tensor, ones: Tensor, scale: Tensor) -> Batch:
        """Return a batch of rows that change from one iteration to the next."""
        if self._spread:
            inputs = self._spread(inputs)
        if self._beside > 1:
            targets = targets[:, None]
        return Batch(inputs, self._library.transposed(inputs), targets, ones, scale)

    def whole_batch(self, inputs: Tensor, targets: Tensor, ones: Tensor, scale: Tensor) -> Batch:
        """Return all rows as one batch, which stays the same.

        In a network of one layer only inputs and ones are multiplied with the slope: scaling them
        here saves an operation in each iteration.
        """
        batch = self.batch(inputs, targets, ones, scale)
        if len(self._layers) > 1 or self._spread:
            return batch
        return batch._replace(transposed=batch.transposed * scale, ones=ones * scale, scale=None)

    def train(self, batches: Iterable[Batch], step: Step) -> None:
        """Compute the gradients on each batch, and take a ``step``."""
        forward, slope, downward = self.forward, self._slope(), self._downward()
        matmul, row_sums = self._library.matmul, self._library.row_sums
        transposed = self._library.transposed
        for inputs, inputs_transposed, targets, ones, scale in batches:
            outputs = forward(inputs)
            delta = slope(outputs[-1], targets)
            if scale is not None:
                delta *= scale
            for index, damp, weights, weights_gradient, bias_gradient in downward:
                delta = damp(delta, outputs[index + 1])
                below = transposed(outputs[index]) if index else inputs_transposed
                matmul(below, delta, out=weights_gradient)
                row_sums(ones, delta, out=bias_gradient)
                if index:
                    delta = matmul(delta, weights)
            step()

    def _downward(self) -> list[tuple[int, Damp, Tensor, Tensor, Tensor]]:
        """Return (index, damp, transposed weights, both gradients) of each layer, last to first."""
        xp, transposed, gradients = self._library.xp, self._library.transposed, self._gradients
        layers = [
            (
                index,
                DAMP[activation](xp),
                transposed(self.arrays[2 * index]),
                *gradients[2 * index : 2 * index + 2],
            )
            for index, activation in enumerate(self._activations)
        ]
        return layers[::-1]

    def _slope(self) -> Slope:
        """Return the slope function of the loss; for models side by side, applied to each model."""
        slope, models = SLOPES[self._loss](self._library.xp), self._beside
        if models == 1:
            return slope

        def slope_by_model(predictions: Tensor, targets: Tensor) -> Tensor:
            by_model = predictions.reshape(len(predictions), models, -1)
            return slope(by_model, targets).reshape(predictions.shape)

        return slope_by_model


def numpy_matrices(xp: Namespace) -> Library:
    """Return the `Library` of matrices of NumPy, or of a module with its functions and methods.

    Products are the arrays' method `dot`, which takes 0.3 µs less than `matmul`.
    """
    dot = xp.ndarray.dot

    def layer(weights: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
        def apply(values: Tensor) -> Tensor:
            values = dot(values, weights)
            values += bias
            return values

        return apply

    return Library(xp, layer, dot, dot, attrgetter("T"))


def numpy_stacks(xp: Namespace) -> Library:
    """Return the `Library` as `numpy_matrices` does, for stacks of matrices.

    Outputs of the last layer lie as (models, outputs, rows), and are returned as a view (models,
    rows, outputs): reductions along a last axis of ten values would make the softmax take as long
    as all products.
    """
    matmul, transposed = xp.matmul, methodcaller("swapaxes", -1, -2)

    def layer(weights: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
        bias = bias[:, None, :]

        def apply(values: Tensor) -> Tensor:
            values = matmul(values, weights)
            values += bias
            return values

        return apply

    def last_layer(weights: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
        weights, bias = transposed(weights), bias[:, :, None]

        def apply(values: Tensor) -> Tensor:
            values = matmul(weights, transposed(values))
            values += bias
            return transposed(values)

        return apply

    return Library(xp, layer, matmul, matmul, transposed, lambda inputs, models: inputs, last_layer)


def activations_of(problem: Problem) -> tuple[Activation, ...]:
    """Return the activation of each layer."""
    return tuple(layer.activation for layer in problem.layers)


def outputs_of(problem: Problem, library: Library, arrays: Sequence[Tensor], inputs: Any) -> Any:
    """Return the outputs of a problem's network with parameters ``arrays``."""
    return Network(library, arrays, (), activations_of(problem), problem.loss).outputs(inputs)


def views(flat: Tensor, widths: Sequence[int], models: int | None = None) -> list[Tensor]:
    """Return the arrays of a network as views of one flat array.

    With ``models``, arrays are stacked: ``flat`` holds array after array, each for all models. In a
    ``flat`` of shape (models, size) the values of a model are adjacent.
    """
    arrays, begin = [], 0
    stack = tuple(flat.shape[:-1]) if models is None else (models,)
    for fan_in, fan_out in pairwise(widths):
        for shape in ((fan_in, fan_out), (fan_out,)):
            size = prod(shape) * (models or 1)
            arrays.append(flat[..., begin : begin + size].reshape((*stack, *shape)))
            begin += size
    return arrays


def slope_scale(loss: Loss, rows: int, outputs: int) -> float:
    """Return the constant factor of a loss's slope: the 1/N of a mean and the 2 of a square."""
    if loss == "l1-sum":
        return 1.0
    return (2.0 if loss == "mse" else 1.0) / (rows if loss == "cross-entropy" else rows * outputs)


def step_scale(problem: Problem, rows: int, with_rate: bool) -> float:
    """Return `slope_scale` for ``rows`` rows; ``with_rate`` multiplies it by the learning rate."""
    scale = slope_scale(problem.loss, rows, problem.outputs)
    return scale * problem.rate if with_rate else scale


def _sigmoid(xp: Namespace, one: Tensor | float) -> Activate:
    negative, exp, reciprocal = xp.negative, xp.exp, xp.reciprocal

    def activate(values: Tensor) -> Tensor:
        values = exp(negative(values, out=values), out=values)
        values += one
        return reciprocal(values, out=values)

    return activate


def _tanh(xp: Namespace, one: Tensor | float) -> Activate:
    tanh = xp.tanh
    return lambda values: tanh(values, out=values)


def _relu(xp: Namespace, one: Tensor | float) -> Activate:
    clip = xp.clip
    return lambda values: clip(values, 0.0, None, out=values)


def _damp_sigmoid(xp: Namespace) -> Damp:
    subtract = xp.subtract

    def damp(delta: Tensor, output: Tensor) -> Tensor:
        slope = output * output
        delta *= subtract(output, slope, out=slope)
        return delta

    return damp


def _damp_tanh(xp: Namespace) -> Damp:
    def damp(delta: Tensor, output: Tensor) -> Tensor:
        slope = output * output
        slope *= delta
        delta -= slope
        return delta

    return damp


def _damp_relu(xp: Namespace) -> Damp:
    def damp(delta: Tensor, output: Tensor) -> Tensor:
        delta *= output > 0.0
        return delta

    return damp


def _l1_slope(xp: Namespace) -> Slope:
    sign = xp.sign

    def slope(predictions: Tensor, targets: Tensor) -> Tensor:
        # The sign, not |f−t|/(f−t): an exact hit is 0 and not 0/0.
        delta = predictions - targets
        return sign(delta, out=delta)

    return slope


def _bce_slope(xp: Namespace) -> Slope:
    def slope(predictions: Tensor, targets: Tensor) -> Tensor:
        variance = (1.0 - predictions) * predictions
        delta = predictions - targets
        # As torch.nn.BCELoss does, so that a saturated prediction gives a finite gradient.
        delta /= xp.clip(variance, 1e-12, None)
        return delta

    return slope


def _cross_entropy_slope(xp: Namespace) -> Slope:
    amax, exp = xp.amax, xp.exp

    def slope(predictions: Tensor, targets: Tensor) -> Tensor:
        # The largest is taken off, so that no exponential overflows.
        delta = predictions - amax(predictions, axis=-1, keepdims=True)
        delta = exp(delta, out=delta)
        delta /= delta.sum(-1)[..., None]
        delta -= targets
        return delta

    return slope


ACTIVATE: dict[Activation, Callable[[Namespace, Tensor | float], Activate]] = {
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
    "identity": lambda xp, one: lambda values: values,
}
DAMP: dict[Activation, Callable[[Namespace], Damp]] = {
    "sigmoid": _damp_sigmoid,
    "tanh": _damp_tanh,
    "relu": _damp_relu,
    "identity": lambda xp: lambda delta, output: delta,
}
# f, t → ∂E/∂f without the factors of `slope_scale`. Cross-entropy includes the softmax: f are the
# values before it.
SLOPES: dict[Loss, Callable[[Namespace], Slope]] = {
    "l1-sum": _l1_slope,
    "l1-mean": _l1_slope,
    "mse": lambda xp: lambda predictions, targets: predictions - targets,
    "bce": _bce_slope,
    "cross-entropy": _cross_entropy_slope,
}
