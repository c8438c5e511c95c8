"""JAX: the whole training is one compiled loop, and Python calls it once.

XLA compiles a loop for each model, optimizer, set of shapes and dtype; how many iterations it
takes, from which batch on, and the data are arguments, so nothing else is compiled again. Batches
are taken by index inside the loop.

Gradients are those of `gradient`. What is compiled is pure, as JAX's arrays never change: a state
goes in and another comes out. Several models are the same functions of one, mapped over stacked
parameters: their gradients are those of each, and a step works value by value.

JAX keeps what it compiled for other processes only where ``JAX_COMPILATION_CACHE_DIR`` is set, and
then only what took it a second: otherwise every process compiles, and setup takes what a first
start takes. Studies that ask for no cold start of each process set it for their time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from perceptron import optional
from perceptron.backends.accelerators.jax_accelerator import (
    JaxAccelerator,
    repeats_within_a_graph,
    with_loops_on_the_device,
)
from perceptron.backends.accelerators.protocol import place
from perceptron.backends.protocol import LadderStep, Unsupported, thread_variables
from perceptron.backends.shared.compilers import jax_events
from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.gradient import Library, Network, activations_of, slope_scale
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, Optimizer
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import jax

# Steps in a loop of known length; see `repeated`. On a CPU such loops gain nothing.
_INNER = {"cpu": 1, "cuda": 10}


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
    predict: Callable[..., jax.Array]
    """(parameters, inputs) → outputs of the last layer, (rows, outputs) or (models, …)."""


@cache
def program(
    activations: tuple[Activation, ...],
    loss: Loss,
    optimizer: Optimizer,
    batches: Batches | None,
    several: bool,
    folds: bool,
    inner: int,
) -> Program:
    """Return the functions of all problems that differ in data and start alone.

    ``several`` models have a stack of parameters, with ``folds`` of data too. ``inner`` steps are a
    loop of known length within the loop of a training; see `repeated`.
    """
    import jax

    library = _library()

    def forward(parameters: list[jax.Array], inputs: jax.Array) -> jax.Array:
        outputs: jax.Array = Network(library, parameters, (), activations, loss).outputs(inputs)
        return outputs

    def gradients_on(
        parameters: list[jax.Array], inputs: jax.Array, targets: jax.Array
    ) -> list[jax.Array]:
        places = [_Place() for _ in parameters]
        network = Network(library, parameters, places, activations, loss)
        scale = slope_scale(loss, *targets.shape)
        network.train([network.batch(inputs, targets, None, scale)], lambda: None)
        return [place.value for place in places]

    taken = _taken
    if several:
        data = 0 if folds else None
        gradients_on = jax.vmap(gradients_on, (0, data, data))
        forward = jax.vmap(forward, (0, data))
    if folds:
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

    return Program(jax.jit(train), jax.jit(forward))


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


class JaxTrainer(Scored):
    """Trains on data that lie on the device: batches are gathered there, in the compiled loop.

    Arrays are committed to one device, which decides where everything runs. Several models take
    each step together.
    """

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import jax

        self._problem, self._dtype = problem, np.dtype(dtype)
        self._target = JaxAccelerator(device).device
        several, optimizer = problem.models > 1, problem.optimizer
        self._program = program(
            activations_of(problem),
            problem.loss,
            optimizer,
            problem.batches,
            several,
            problem.folds,
            _INNER[device],
        )
        # float64 for Adam's factors; every array has its own dtype and keeps it.
        with jax.enable_x64(True):
            arrays = problem.stacked_start() if several else problem.start_parameters()
            parameters = [self._placed(array) for array in arrays]
            kept = [start_state(jax.numpy, optimizer, array) for array in parameters]
            first = State(jax.numpy.zeros((), "int64"), parameters, kept)
            self._start: State = jax.device_put(first, self._target)
        self._state = self._start
        batches, (inputs, targets) = problem.batches, problem.parts()[0]
        orders = np.zeros(0, "int32") if batches is None else batches.orders.astype("int32")
        # What a training reads.
        self._data = (
            self._placed(inputs),
            self._placed(targets),
            jax.device_put(orders, self._target),
        )

    def train(self, iterations: int) -> None:
        import jax

        with jax.enable_x64(True):
            self._state = self._program.train(iterations, self._state, *self._data)
        jax.block_until_ready(self._state)  # type: ignore[no-untyped-call]

    def reset(self) -> None:
        self._state = self._start  # arrays of JAX never change

    def parameters(self) -> list[Array]:
        return [np.array(parameter) for parameter in self._state.parameters]

    def _placed(self, array: Array) -> jax.Array:
        import jax

        with jax.enable_x64(True):
            placed: jax.Array = jax.device_put(array.astype(self._dtype), self._target)
        return placed

    def _predict(self, inputs: Array) -> Array:
        import jax

        with jax.enable_x64(True):
            outputs = self._program.predict(self._state.parameters, self._placed(inputs))
        return np.array(outputs)


@dataclass(eq=False)
class JaxBackend:
    """JAX on one device.

    A process that prepares without `environment` lets JAX start on every device it finds.
    """

    imports = ("jax", "jax.numpy")
    compiles = True
    _found = False
    name: str
    device: str
    summary: str
    rung: LadderStep | None = None
    rung_of_models: LadderStep | None = None
    published_dtype: DType = "float32"

    def __post_init__(self) -> None:
        self.accelerator = None if self.device == "cpu" else JaxAccelerator(self.device)

    def unavailable(self) -> str | None:
        reason = optional.missing("jax")
        if reason is not None or self.accelerator is None:
            return reason
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        # XLA sizes its thread pool by NPROC. JAX keeps a dozen more threads, for compiling and
        # queueing, whose number cannot be set; they sleep during training.
        variables = thread_variables(threads) | {"NPROC": str(threads)}
        variables |= _own_cache() or {_HAS_CACHE: "false"}
        if place(self) == "cpu":
            return variables | {"JAX_PLATFORMS": "cpu"}
        flags = os.environ.get("XLA_FLAGS", "")
        if optional.missing("jax") is None and (flags := with_loops_on_the_device(flags)):
            variables |= {"XLA_FLAGS": flags}
        return variables | {
            "JAX_PLATFORMS": "cuda,cpu",
            # Otherwise XLA takes three quarters of the device's memory at once.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            # By default products of float32 are rounded to TF32; products ask as well.
            "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        }

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for batches from the host, unless the host is the device."""
        if problem.feed == "host" and self.device != "cpu":
            raise Unsupported('feed = "host": the compiled loop gathers batches on the device')

    def prepare(self, problem: Problem, dtype: DType) -> JaxTrainer:
        self.require(problem, dtype)
        events = jax_events()
        before = events.copy()
        trainer = JaxTrainer(problem, dtype, self.device)
        trainer.train(2)  # compiles
        trainer.reset()
        made = events - before
        # On disk, or all of them in the process.
        self._found = bool(made["cache_hits"]) or not made["backend_compile_duration"]
        return trainer

    def unprofiled(self) -> str | None:
        if place(self) == "cpu" or not repeats_within_a_graph(os.environ.get("XLA_FLAGS", "")):
            return None
        return "its loop repeats within a CUDA graph, of which profilers see the first pass only"

    def prepared_from_cache(self) -> bool:
        return self._found

    def compiled_in(self, folder: str) -> dict[str, str]:
        """Return the variables of JAX's cache in a folder; none where the user has decided."""
        return {} if _own_cache() else {_CACHE: folder, _HAS_CACHE: "true"}


_CACHE, _HAS_CACHE = "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"


def _own_cache() -> dict[str, str]:
    """Return what the user has decided on JAX's cache on disk."""
    return {name: os.environ[name] for name in (_CACHE, _HAS_CACHE) if name in os.environ}


CPU = JaxBackend(
    "jax-cpu",
    "cpu",
    "JAX on the CPU: the whole loop compiled by XLA, called once; batches gathered in it",
    LadderStep("Python's loop: all steps in one call", after="python"),
    published_dtype="float64",
    rung_of_models=LadderStep("calls for each model: vmap makes one of all", "jax-cpu-sequential"),
)
CUDA = JaxBackend(
    "jax-cuda",
    "cuda",
    "JAX on a CUDA GPU, otherwise as jax-cpu",
    LadderStep("Python's loop: all steps in one call", after="torch-cuda-graph"),
    rung_of_models=LadderStep(
        "Python's loop: all steps of all models in one call", "torch-cuda-manual-graph"
    ),
)
