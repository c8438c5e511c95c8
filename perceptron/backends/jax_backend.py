"""JAX: the whole training is one compiled loop, and Python calls it once.

XLA compiles a loop for each model, optimizer, set of shapes and dtype; the number of iterations,
the first batch and the data are arguments, so they compile nothing anew. Batches are taken by index
inside the loop.

Gradients are those of `gradient`. Compiled functions are pure, because JAX's arrays are immutable:
they take a state and return another. Several models are trained by mapping the functions of a model
over stacked parameters; an optimizer's step is elementwise.

JAX shares compiled programs with other processes only if ``JAX_COMPILATION_CACHE_DIR`` is set, and
then only those that took a second to compile: otherwise every process compiles during setup.
Studies that need no cold start in each process set it while they run.
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
from perceptron.backends.accelerators.protocol import device_type
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
    """The state of a training, in arrays on the device."""

    steps: jax.Array
    """Steps since the start, int64: determines the next batch, and corrects Adam's bias."""
    parameters: list[jax.Array]
    """Parameters in the order of `Problem.start_parameters`; stacked for several models."""
    optimizer_state: list[tuple[jax.Array, ...]]
    """The optimizer's arrays for each parameter; see `update.start_state`."""


class Program(NamedTuple):
    """Functions that are compiled at the first call for each set of shapes and each dtype."""

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
    """Return the functions for all problems that differ only in data and start.

    ``several`` models have stacked parameters, with ``folds`` stacked data too. ``inner`` steps are
    a loop of known length within the loop of a training; see `repeated`.
    """
    import jax

    library = _library()

    def forward(parameters: list[jax.Array], inputs: jax.Array) -> jax.Array:
        outputs: jax.Array = Network(library, parameters, (), activations, loss).outputs(inputs)
        return outputs

    def gradients_on(
        parameters: list[jax.Array], inputs: jax.Array, targets: jax.Array
    ) -> list[jax.Array]:
        holders = [_Holder() for _ in parameters]
        network = Network(library, parameters, holders, activations, loss)
        scale = slope_scale(loss, *targets.shape)
        network.train([network.batch(inputs, targets, None, scale)], lambda: None)
        return [holder.value for holder in holders]

    take = _take
    if several:
        data = 0 if folds else None
        gradients_on = jax.vmap(gradients_on, (0, data, data))
        forward = jax.vmap(forward, (0, data))
    if folds:
        take = jax.vmap(_take, (0, None))

    def step(state: State, inputs: jax.Array, targets: jax.Array) -> State:
        return _stepped(optimizer, state, gradients_on(state.parameters, inputs, targets))

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
                return step(state, take(inputs, rows), take(targets, rows))

            return train_on

        full = on_batch(batches.size)
        if batches.shortest == batches.size:
            return repeated(iterations, full, state, inner)
        return _by_epochs(batches, iterations, full, on_batch(batches.shortest), state, inner)

    return Program(jax.jit(train), jax.jit(forward))


def repeated(times: jax.Array, step: Callable[[State], State], state: State, inner: int) -> State:
    """Apply ``step`` ``times`` times.

    Before each pass of a loop of unknown length XLA reads from the GPU whether there is another; an
    inner loop of known length leaves one read in ``inner`` passes.
    """
    from jax import lax

    def single(_: Any, state: State) -> State:
        return step(state)

    def several(_: Any, state: State) -> Any:
        return lax.fori_loop(0, inner, single, state)

    blocks = times // inner if inner > 1 else 0
    state = lax.fori_loop(0, blocks, several, state)
    end: State = lax.fori_loop(blocks * inner, times, single, state)
    return end


def _by_epochs(
    batches: Batches,
    iterations: jax.Array,
    full: Callable[[State], State],
    short: Callable[[State], State],
    state: State,
    inner: int,
) -> State:
    """Train on the full batches left in the epoch, then on its short batch, and so on.

    Arrays in a loop have one shape, so full and short batches have separate loops.
    """
    from jax import lax
    from jax import numpy as jnp

    in_full = batches.per_epoch - 1

    def epoch(carried: tuple[jax.Array, State]) -> tuple[jax.Array, State]:
        remaining, state = carried
        full_steps = jnp.minimum(in_full - state.steps % batches.per_epoch, remaining)
        state = repeated(full_steps, full, state, inner)
        remaining -= full_steps
        short_steps = jnp.minimum(remaining, 1)
        return remaining - short_steps, repeated(short_steps, short, state, 1)

    return lax.while_loop(lambda carried: carried[0] > 0, epoch, (iterations, state))[1]


def _rows(batches: Batches, orders: jax.Array, steps: jax.Array, size: int) -> jax.Array:
    """Return the rows of the next batch; see `Batches.bounds`."""
    from jax import lax

    begin = steps % batches.cycle * batches.size
    if batches.shortest < batches.size:
        epoch, index = steps // batches.per_epoch % batches.epochs, steps % batches.per_epoch
        begin = epoch * batches.rows_per_epoch + index * batches.size
    return lax.dynamic_slice(orders, (begin,), (size,))


def _take(values: jax.Array, rows: jax.Array) -> jax.Array:
    # By default each index is checked, and rows out of bounds are filled with NaN.
    return values.at[rows].get(mode="promise_in_bounds", unique_indices=True)


class _Holder:
    """An ``out`` for JAX, whose arrays are immutable: holds a result; see `gradient.Library`."""

    value: jax.Array


def _with_out(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Return the function with an argument ``out``: a holder of its result; arrays are ignored."""

    def call(*arguments: Any, out: Any = None, **options: Any) -> jax.Array:
        result = function(*arguments, **options)
        if isinstance(out, _Holder):
            out.value = result
        return result

    return call


class _Functions:
    """JAX's functions, each with an ``out``."""

    def __getattr__(self, name: str) -> Callable[..., jax.Array]:
        from jax import numpy as jnp

        return _with_out(getattr(jnp, name))


def _library() -> Library:
    """Return JAX as a `Library` of matrices."""
    from jax import lax
    from jax import numpy as jnp

    # The default lets a GPU round float32 to TF32's 10 bits of mantissa.
    matmul = _with_out(partial(jnp.matmul, precision=lax.Precision.HIGHEST))

    def layer(weights: jax.Array, bias: jax.Array) -> Callable[[jax.Array], jax.Array]:
        return lambda values: matmul(values, weights) + bias

    row_sums = _with_out(lambda ones, values: values.sum(0))
    return Library(_Functions(), layer, matmul, row_sums, attrgetter("T"))


def _stepped(optimizer: Optimizer, state: State, gradients: list[jax.Array]) -> State:
    """Return the state after the optimizer's step."""
    from jax import numpy as jnp

    steps, factors = state.steps + 1, None
    if isinstance(optimizer, Adam):
        # In float64: in float32, 1 − β₂ᵗ of the first steps would lose four digits.
        numbers = adam_factors(optimizer, steps.astype("float64"))
        dtype = state.parameters[0].dtype
        factors = (numbers[0].astype(dtype), numbers[1].astype(dtype))
    moved = [
        update(jnp, optimizer, parameter, gradient, moved_state, factors)
        for parameter, gradient, moved_state in zip(
            state.parameters, gradients, state.optimizer_state, strict=True
        )
    ]
    return State(
        steps, [parameter for parameter, _ in moved], [moved_state for _, moved_state in moved]
    )


class JaxTrainer(Scored):
    """Trains on data on the device: batches are gathered there, in the compiled loop.

    Arrays are committed to a device, so that everything runs there. Several models take each step
    together.
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
        # x64 for Adam's factors in float64; arrays keep their dtypes.
        with jax.enable_x64(True):
            arrays = problem.stacked_start() if several else problem.start_parameters()
            parameters = [self._placed(array) for array in arrays]
            states = [start_state(jax.numpy, optimizer, array) for array in parameters]
            start = State(jax.numpy.zeros((), "int64"), parameters, states)
            self._start: State = jax.device_put(start, self._target)
        self._state = self._start
        batches, (inputs, targets) = problem.batches, problem.parts()[0]
        orders = np.zeros(0, "int32") if batches is None else batches.orders.astype("int32")
        # Arguments of every call of `Program.train`.
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

    In a process without the variables of `environment` JAX starts on every device it finds.
    """

    imports = ("jax", "jax.numpy")
    compiles = True
    _from_cache = False
    name: str
    device: str
    summary: str
    ladder_step: LadderStep | None = None
    ladder_step_of_models: LadderStep | None = None
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
        variables |= _cache_settings() or {_HAS_CACHE: "false"}
        if device_type(self) == "cpu":
            return variables | {"JAX_PLATFORMS": "cpu"}
        flags = os.environ.get("XLA_FLAGS", "")
        if optional.missing("jax") is None and (flags := with_loops_on_the_device(flags)):
            variables |= {"XLA_FLAGS": flags}
        return variables | {
            "JAX_PLATFORMS": "cuda,cpu",
            # By default XLA allocates three quarters of the device's memory at once.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            # By default products of float32 are rounded to TF32; `_library` sets it as well.
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
        counts = events - before
        # In the cache on disk, or already compiled in this process.
        self._from_cache = bool(counts["cache_hits"]) or not counts["backend_compile_duration"]
        return trainer

    def unprofiled(self) -> str | None:
        if device_type(self) == "cpu" or not repeats_within_a_graph(
            os.environ.get("XLA_FLAGS", "")
        ):
            return None
        return "its loop repeats within a CUDA graph, of which profilers see the first pass only"

    def prepared_from_cache(self) -> bool:
        return self._from_cache

    def compiled_in(self, folder: str) -> dict[str, str]:
        """Return the variables that set JAX's cache to a folder; none if the user has set them."""
        return {} if _cache_settings() else {_CACHE: folder, _HAS_CACHE: "true"}


_CACHE, _HAS_CACHE = "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"


def _cache_settings() -> dict[str, str]:
    """Return the variables about JAX's cache on disk that the user has set."""
    return {name: os.environ[name] for name in (_CACHE, _HAS_CACHE) if name in os.environ}


CPU = JaxBackend(
    "jax-cpu",
    "cpu",
    "JAX on the CPU: the whole loop compiled by XLA, called once; batches gathered in it",
    LadderStep("Python's loop: all steps in one call", after="python"),
    published_dtype="float64",
    ladder_step_of_models=LadderStep(
        "calls for each model: vmap makes one of all", "jax-cpu-sequential"
    ),
)
CUDA = JaxBackend(
    "jax-cuda",
    "cuda",
    "JAX on a CUDA GPU, otherwise as jax-cpu",
    LadderStep("Python's loop: all steps in one call", after="torch-cuda-graph"),
    ladder_step_of_models=LadderStep(
        "Python's loop: all steps of all models in one call", "torch-cuda-manual-graph"
    ),
)
