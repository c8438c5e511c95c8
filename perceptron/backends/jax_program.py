"""What XLA compiles for `jax_backend`: a training as one loop over batches taken by index.

Gradients are those of `gradient`. Every function is pure, as JAX's arrays never change: a state
goes in and another comes out.

Several models are the same functions of one, mapped over stacked parameters: their gradients are
those of each, and a step works value by value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from perceptron.backends.shared.gradient import Library, Network, slope_scale
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
    forward = partial(_outputs, activations, loss)
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


class _Place:
    """Where results of JAX go, whose arrays never change; see `gradient.Library`."""

    value: jax.Array


def _placing(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Return the function with an ``out``: a place, or an array that its result is used for."""

    def call(*arguments: Any, out: Any = None, **options: Any) -> jax.Array:
        result = function(*arguments, **options)
        if isinstance(out, _Place):
            out.value = result
        return result

    return call


class _Functions:
    """JAX's functions, each with an ``out``."""

    def __getattr__(self, name: str) -> Callable[..., jax.Array]:
        from jax import numpy as jnp

        return _placing(getattr(jnp, name))


def _library() -> Library:
    """Return the library JAX, on matrices."""
    from jax import lax
    from jax import numpy as jnp

    # The default lets a GPU round float32 to TF32's 10 bits of mantissa.
    matmul = _placing(partial(jnp.matmul, precision=lax.Precision.HIGHEST))

    def layer(weights: jax.Array, bias: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda values: matmul(values, weights) + bias

    row_sums = _placing(lambda ones, values: values.sum(0))
    return Library(_Functions(), layer, matmul, row_sums, attrgetter("T"))


def _outputs(
    activations: tuple[Activation, ...],
    loss: Loss,
    parameters: list[jax.Array],
    inputs: jax.Array,
) -> jax.Array:
    outputs: jax.Array = Network(_library(), parameters, (), activations, loss).outputs(inputs)
    return outputs


def _gradients(
    activations: tuple[Activation, ...],
    loss: Loss,
    parameters: list[jax.Array],
    inputs: jax.Array,
    targets: jax.Array,
) -> list[jax.Array]:
    places = [_Place() for _ in parameters]
    network = Network(_library(), parameters, places, activations, loss)
    scale = slope_scale(loss, *targets.shape)
    network.train([network.batch(inputs, targets, None, scale)], lambda: None)
    return [place.value for place in places]


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
