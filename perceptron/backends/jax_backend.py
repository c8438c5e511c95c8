"""JAX: the whole training is one compiled loop, and Python calls it once.

XLA compiles a loop for each model, optimizer, set of shapes and dtype; how many iterations it
takes, from which batch on, and the data are arguments, so nothing else is compiled again. Batches
are taken by index inside the loop. See `jax_program` for what is compiled.

JAX keeps what it compiled for other processes only where ``JAX_COMPILATION_CACHE_DIR`` is set, and
then only what took it a second: otherwise every process compiles, and setup takes what a first
start takes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from perceptron import optional
from perceptron.backends.accelerators.jax_accelerator import (
    JaxAccelerator,
    repeats_within_a_graph,
    with_loops_on_the_device,
)
from perceptron.backends.accelerators.protocol import place
from perceptron.backends.jax_program import State, models_of, program, start
from perceptron.backends.protocol import LadderStep, thread_variables
from perceptron.backends.shared.compilers import has_found, jax_events
from perceptron.backends.shared.evaluation import Scored
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import jax

# Steps in a loop of known length; see `jax_program.repeated`. On a CPU such loops gain nothing.
_INNER = {"cpu": 1, "cuda": 10}


class JaxTrainer(Scored):
    """Trains on data that lie on the device: batches are gathered there, in the compiled loop.

    So are those of ``host`` data where the device is the host. Arrays are committed to one device,
    which decides where everything runs. Several models take each step together.
    """

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import jax

        self._problem, self._dtype = problem, np.dtype(dtype)
        self._target = JaxAccelerator(device).device
        self._batches = problem.batches
        self._program = program(
            tuple(layer.activation for layer in problem.layers),
            problem.loss,
            problem.optimizer,
            problem.batches,
            models_of(problem),
            _INNER[device],
        )
        # float64 for Adam's factors; every array has its own dtype and keeps it.
        with jax.enable_x64(True):
            several = problem.models > 1
            arrays = problem.stacked_start() if several else problem.start_parameters()
            parameters = [self._placed(array) for array in arrays]
            first = start(problem.optimizer, parameters)
            self._start: State = jax.device_put(first, self._target)
        self._state = self._start
        self._hold(*problem.parts()[0])

    def train(self, iterations: int) -> None:
        import jax

        with jax.enable_x64(True):
            self._state = self._program.train(iterations, self._state, *self._data)
        _wait_for(self._state)

    def reset(self) -> None:
        self._state = self._start  # arrays of JAX never change

    def parameters(self) -> list[Array]:
        return [np.array(parameter) for parameter in self._state.parameters]

    def warm_up(self) -> None:
        """Compile what `train` calls."""
        self.train(2)

    def _hold(self, inputs: Array, targets: Array) -> None:
        """Keep what a training reads."""
        import jax

        orders = np.zeros(0, "int32") if self._batches is None else self._batches.orders
        self._data = (
            self._placed(inputs),
            self._placed(targets),
            jax.device_put(orders.astype("int32"), self._target),
        )

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


class HostFedTrainer(JaxTrainer):
    """Trains on data that lie in host memory.

    Each batch is gathered there and copied to the device in the timed loop, which is Python's: JAX
    queues copies and steps, so the next batch is gathered while the device works.
    """

    _iteration = 0

    def train(self, iterations: int) -> None:
        import jax

        state, step, orders = self._state, self._program.step, self._order.orders
        with jax.enable_x64(True):
            for begin, end in self._order.spans(self._iteration, iterations):
                state = step(state, *self._copied(orders[begin:end]))
        self._iteration += iterations
        self._state = state
        _wait_for(state)

    def reset(self) -> None:
        super().reset()
        self._iteration = 0

    def warm_up(self) -> None:
        import jax

        with jax.enable_x64(True):
            for size in {self._order.size, self._order.shortest}:
                self._state = self._program.step(self._state, *self._copied(np.arange(size)))
        _wait_for(self._state)

    def _hold(self, inputs: Array, targets: Array) -> None:
        assert self._batches is not None  # no problem is fed from the host without them
        self._order = self._batches
        self._order.orders  # noqa: B018 made here and not while training
        self._host = inputs.astype(self._dtype), targets.astype(self._dtype)

    def _copied(self, rows: Indices) -> list[jax.Array]:
        """Return inputs and targets of these rows, queued to be copied to the device."""
        import jax

        return [jax.device_put(values.take(rows, -2), self._target) for values in self._host]


def _wait_for(state: State) -> None:
    import jax

    for array in jax.tree.leaves(state):
        array.block_until_ready()


class JaxBackend:
    """JAX on one device.

    A process that prepares without `environment` lets JAX start on every device it finds.
    """

    imports = ("jax", "jax.numpy")
    compiles = True

    def __init__(
        self,
        name: str,
        device: str,
        summary: str,
        rung: LadderStep | None = None,
        published_dtype: DType = "float32",
        rung_of_models: LadderStep | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self.summary = summary
        self.rung = rung
        self.rung_of_models = rung_of_models
        self.published_dtype = published_dtype
        self.accelerator = None if device == "cpu" else JaxAccelerator(device)
        self._found = False

    def unavailable(self) -> str | None:
        reason = optional.missing("jax")
        if reason is not None or self.accelerator is None:
            return reason
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        # XLA sizes its thread pool by NPROC. JAX keeps a dozen more threads, for compiling and
        # queueing, whose number cannot be set; they sleep during training.
        variables = thread_variables(threads) | {"NPROC": str(threads)} | _cache_variables()
        if place(self) == "cpu":
            return variables | {"JAX_PLATFORMS": "cpu"}
        flags = os.environ.get("XLA_FLAGS", "")
        if optional.missing("jax") is None and (flags := with_loops_on_the_device(flags)):
            variables |= {"XLA_FLAGS": flags}
        return variables | {
            "JAX_PLATFORMS": "cuda,cpu",
            # Otherwise XLA takes three quarters of the device's memory at once.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            # By default products of float32 are rounded to TF32; `jax_program` asks as well.
            "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        }

    def prepare(self, problem: Problem, dtype: DType) -> JaxTrainer:
        # To a CPU there is nothing to copy: the loop gathers in host memory as it is.
        fed = problem.feed == "host" and self.device != "cpu"
        events = jax_events()
        before = events.copy()
        trainer = (HostFedTrainer if fed else JaxTrainer)(problem, dtype, self.device)
        trainer.warm_up()
        trainer.reset()
        self._found = has_found(before, events)
        return trainer

    def unprofiled(self) -> str | None:
        if place(self) == "cpu" or not repeats_within_a_graph(os.environ.get("XLA_FLAGS", "")):
            return None
        return "its loop repeats within a CUDA graph, of which profilers see the first pass only"

    def prepared_from_cache(self) -> bool:
        return self._found


def _cache_variables() -> dict[str, str]:
    """Return what decides on JAX's cache on disk: as the user has it, otherwise there is none."""
    names = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")
    own = {name: os.environ[name] for name in names if name in os.environ}
    return own or {"JAX_ENABLE_COMPILATION_CACHE": "false"}


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
    "JAX on a CUDA GPU, as jax-cpu; from the host it copies batch by batch, called for each",
    LadderStep("Python's loop: all steps in one call", after="torch-cuda-graph"),
    rung_of_models=LadderStep(
        "Python's loop: all steps of all models in one call", "torch-cuda-manual-graph"
    ),
)
