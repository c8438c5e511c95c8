"""What XLA compiles for `jax_backend`: a training as one loop over batches taken by index.

Gradients are derived by hand as in `gradient`: that module works in place, which JAX's arrays do
not allow. Every function is pure: a state goes in and another comes out.

Several models are the same functions of one, mapped over stacked parameters: their gradients are
those of each, and a step works value by value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from perceptron.backends.shared.gradient import slope_scale
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.batches import Batches
from perceptron.problems.optimizer import Adam, Optimizer
from perceptron.problems.problem import Activation, Loss, Problem

if TYPE_CHECKING:
    import jax

Models = Literal["one", "on shared data", "on data of each"]


def models_of(problem: Problem) -> Models:
    """Return whether there is one model, and what several train on."""
    if problem.models == 1:
        return "one"
    return "on data of each" if problem.folds else "on shared data"


class State(NamedTuple):
    """Where a training stands. All of it lies on the device."""

    steps: jax.Array
    """Taken since the start, int64: it says which batch is next, and corrects Adam's bias."""
    parameters: list[jax.Array]
    """In the order of `Problem.start_parameters`; stacked for several models."""
    kept: list[tuple[jax.Array, ...]]
    """What the optimizer keeps for each of them; see `update.start_state`."""


class Program(NamedTuple):
    """Compiled at the first call for each set of shapes and each dtype."""

    train: Callable[..., State]
    """(iterations, state, inputs, targets, orders) → state; ``orders`` are those of `Batches`."""
    step: Callable[..., State]
    """(state, inputs, targets) → state, for a batch that lies ready."""
    predict: Callable[..., jax.Array]
    """(parameters, inputs) → outputs of the last layer, (rows, outputs) or (models, …)."""


def start(optimizer: Optimizer, parameters: list[jax.Array]) -> State:
    """Return the state before the first step."""
    from jax import numpy as jnp

    kept = [start_state(jnp, optimizer, array) for array in parameters]
    return State(jnp.zeros((), "int64"), parameters, kept)


@cache
def program(
    activations: tuple[Activation, ...],
    loss: Loss,
    optimizer: Optimizer,
    batches: Batches | None,
    models: Models,
    inner: int,
) -> Program:
    """Return the functions of all problems that differ in data and start alone.

    ``inner`` steps are a loop of known length within the loop of a training; see `repeated`.
    """
    import jax

    gradients_on, taken = partial(_gradients, activations, loss), _taken
    forward = partial(_outputs, activations)
    if models != "one":
        data = 0 if models == "on data of each" else None
        gradients_on = jax.vmap(gradients_on, (0, data, data))
        forward = jax.vmap(forward, (0, data))
        if data is not None:
            taken = jax.vmap(_taken, (0, None))

    def step(state: State, inputs: jax.Array, targets: jax.Array) -> State:
        return _moved(optimizer, state, gradients_on(state.parameters, inputs, targets))

    def train(
        iterations: jax.Array,
        state: State,
        inputs: jax.Array,
        targets: jax.Array,
        orders: jax.Array,
    ) -> State:
        if batches is None:
            return repeated(iterations, lambda state: step(state, inputs, targets), state, inner)

        def on_batch(size: int) -> Callable[[State], State]:
            def train_on(state: State) -> State:
                rows = _rows(batches, orders, state.steps, size)
                return step(state, taken(inputs, rows), taken(targets, rows))

            return train_on

        full = on_batch(batches.size)
        if batches.shortest == batches.size:
            return repeated(iterations, full, state, inner)
        return _by_epochs(batches, iterations, full, on_batch(batches.shortest), state, inner)

    return Program(jax.jit(train), jax.jit(step), jax.jit(forward))


def repeated(times: jax.Array, step: Callable[[State], State], state: State, inner: int) -> State:
    """Apply ``step`` so many times.

    XLA asks a GPU before each pass of a loop of unknown length whether there is another; an inner
    loop of known length spares all but one in ``inner`` of these questions.
    """
    from jax import lax

    def one(_: Any, present: State) -> State:
        return step(present)

    def several(_: Any, present: State) -> Any:
        return lax.fori_loop(0, inner, one, present)

    blocks = times // inner if inner > 1 else 0
    state = lax.fori_loop(0, blocks, several, state)
    last: State = lax.fori_loop(blocks * inner, times, one, state)
    return last


def _by_epochs(
    batches: Batches,
    iterations: jax.Array,
    full: Callable[[State], State],
    short: Callable[[State], State],
    state: State,
    inner: int,
) -> State:
    """Train on the full batches that are left of an epoch, then on its short one, and so on.

    Arrays in a loop have one shape, so full and short batches are loops of their own.
    """
    from jax import lax
    from jax import numpy as jnp

    in_full = batches.per_epoch - 1

    def epoch(carried: tuple[jax.Array, State]) -> tuple[jax.Array, State]:
        left, state = carried
        here = jnp.minimum(in_full - state.steps % batches.per_epoch, left)
        state = repeated(here, full, state, inner)
        left -= here
        last = jnp.minimum(left, 1)
        return left - last, repeated(last, short, state, 1)

    return lax.while_loop(lambda carried: carried[0] > 0, epoch, (iterations, state))[1]


def _rows(batches: Batches, orders: jax.Array, steps: jax.Array, size: int) -> jax.Array:
    """Return the rows of the next batch; see `Batches.bounds`."""
    from jax import lax

    begin = steps % batches.cycle * batches.size
    if batches.shortest < batches.size:
        epoch, index = steps // batches.per_epoch % batches.epochs, steps % batches.per_epoch
        begin = epoch * batches.rows_per_epoch + index * batches.size
    return lax.dynamic_slice(orders, (begin,), (size,))


def _taken(values: jax.Array, rows: jax.Array) -> jax.Array:
    # Otherwise each index is checked, and the row of a wrong one filled with NaN.
    return values.at[rows].get(mode="promise_in_bounds", unique_indices=True)


def _forward(
    activations: tuple[Activation, ...], parameters: list[jax.Array], inputs: jax.Array
) -> list[jax.Array]:
    """Return the inputs and the output of each layer, (rows, width) each."""
    outputs = [inputs]
    for index, activation in enumerate(activations):
        weights, bias = parameters[2 * index : 2 * index + 2]
        outputs.append(_activate(activation, _product(outputs[-1], weights) + bias))
    return outputs


def _outputs(
    activations: tuple[Activation, ...], parameters: list[jax.Array], inputs: jax.Array
) -> jax.Array:
    return _forward(activations, parameters, inputs)[-1]


def _gradients(
    activations: tuple[Activation, ...],
    loss: Loss,
    parameters: list[jax.Array],
    inputs: jax.Array,
    targets: jax.Array,
) -> list[jax.Array]:
    outputs = _forward(activations, parameters, inputs)
    delta = _slope(loss, outputs[-1], targets) * slope_scale(loss, *targets.shape)
    gradients: list[jax.Array] = []
    for index, activation in reversed(list(enumerate(activations))):
        delta = delta * _derivative(activation, outputs[index + 1])
        gradients = [_product(outputs[index].T, delta), delta.sum(0), *gradients]
        if index:
            delta = _product(delta, parameters[2 * index].T)
    return gradients


def _moved(optimizer: Optimizer, state: State, gradients: list[jax.Array]) -> State:
    """Return the state after the optimizer's step."""
    from jax import numpy as jnp

    steps, factors = state.steps + 1, None
    if isinstance(optimizer, Adam):
        # In float64: 1 − β₂ᵗ of the first steps would lose four digits in float32.
        numbers = adam_factors(optimizer, steps.astype("float64"))
        dtype = state.parameters[0].dtype
        factors = (numbers[0].astype(dtype), numbers[1].astype(dtype))
    moved = [
        update(jnp, optimizer, parameter, gradient, kept, factors)
        for parameter, gradient, kept in zip(state.parameters, gradients, state.kept, strict=True)
    ]
    return State(steps, [parameter for parameter, _ in moved], [kept for _, kept in moved])


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    from jax import lax
    from jax import numpy as jnp

    # The default lets a GPU round float32 to TF32's 10 bits of mantissa.
    return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)


def _activate(activation: Activation, values: jax.Array) -> jax.Array:
    import jax
    from jax import numpy as jnp

    if activation == "sigmoid":
        return jax.nn.sigmoid(values)
    if activation == "tanh":
        return jnp.tanh(values)
    return jnp.maximum(values, 0.0) if activation == "relu" else values


def _derivative(activation: Activation, output: jax.Array) -> jax.Array | float:
    """Return the derivative of the activation, in terms of its output."""
    if activation == "sigmoid":
        return output * (1.0 - output)
    if activation == "tanh":
        return 1.0 - output * output
    return (output > 0.0).astype(output.dtype) if activation == "relu" else 1.0


def _slope(loss: Loss, predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """Return ∂E/∂f without the factors of `slope_scale`; see `gradient` for the corner cases."""
    import jax
    from jax import numpy as jnp

    if loss == "cross-entropy":  # jax.nn.softmax takes the largest off, so that nothing overflows
        return jax.nn.softmax(predictions) - targets
    difference = predictions - targets
    if loss == "mse":
        return difference
    if loss == "bce":
        return difference / jnp.maximum(predictions * (1.0 - predictions), 1e-12)
    return jnp.sign(difference)
