"""JAX: the whole training is one compiled loop, and Python calls it once.

XLA compiles a loop for each set of shapes, activations, loss and dtype; how many iterations it
takes, the rate and the data are arguments, so nothing else is compiled again. Gradients are derived
by hand as in `gradient`: that module works in place, which JAX's arrays do not allow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from perceptron import optional
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.cuda import driver_unavailable
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import jax

# XLA asks a GPU before each pass of a loop of unknown length whether there is another. An inner
# loop of known length avoids nine of ten such questions. On a CPU they cost nothing.
_INNER = {"cpu": 1, "cuda": 10}


class JaxTrainer:
    """Arrays are committed to one device, which decides where everything runs."""

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import jax

        self._double = dtype == "float64"
        target = jax.devices(device)[0]
        inputs, targets = problem.dataset.load()
        activations = tuple(layer.activation for layer in problem.layers)
        self._program = _program(activations, problem.loss, _INNER[device])
        with jax.enable_x64(self._double):
            self._inputs, self._targets, self._rate, *self._start = (
                jax.device_put(np.array(array, dtype), target)
                for array in (inputs, targets, problem.rate, *problem.start_parameters())
            )
        self._parameters = self._start

    def train(self, iterations: int) -> None:
        import jax

        with jax.enable_x64(self._double):
            self._parameters = self._program.train(
                iterations, self._parameters, self._inputs, self._targets, self._rate
            )
        for parameter in self._parameters:
            parameter.block_until_ready()

    def reset(self) -> None:
        self._parameters = self._start  # arrays of JAX never change

    def loss(self) -> float:
        import jax

        with jax.enable_x64(self._double):
            return float(self._program.loss(self._parameters, self._inputs, self._targets))

    def parameters(self) -> list[Array]:
        return [np.array(parameter) for parameter in self._parameters]


class _Program(NamedTuple):
    # (iterations, parameters, inputs, targets, rate) → parameters
    train: Callable[..., list[jax.Array]]
    # (parameters, inputs, targets) → loss
    loss: Callable[..., jax.Array]


@cache
def _program(activations: tuple[Activation, ...], loss: Loss, inner: int) -> _Program:
    import jax
    from jax import lax
    from jax import numpy as jnp

    # The default lets a GPU round float32 to TF32's 10 bits of mantissa.
    exact = lax.Precision.HIGHEST

    def forward(parameters: list[jax.Array], inputs: jax.Array) -> list[jax.Array]:
        outputs = [inputs]
        for index, activation in enumerate(activations):
            weights, bias = parameters[2 * index : 2 * index + 2]
            values = jnp.matmul(outputs[-1], weights, precision=exact) + bias
            outputs.append(_activate(activation, values))
        return outputs

    def step(
        parameters: list[jax.Array], inputs: jax.Array, targets: jax.Array, rate: jax.Array
    ) -> list[jax.Array]:
        outputs = forward(parameters, inputs)
        scale = rate if loss == "l1-sum" else rate / targets.shape[0]
        delta = scale * _slope(loss, outputs[-1], targets)
        updated: list[jax.Array] = []
        for index, activation in reversed(list(enumerate(activations))):
            weights, bias = parameters[2 * index : 2 * index + 2]
            delta = delta * _derivative(activation, outputs[index + 1])
            gradient = jnp.matmul(outputs[index].T, delta, precision=exact)
            updated = [weights - gradient, bias - delta.sum(0), *updated]
            if index:
                delta = jnp.matmul(delta, weights.T, precision=exact)
        return updated

    def train(
        iterations: jax.Array,
        parameters: list[jax.Array],
        inputs: jax.Array,
        targets: jax.Array,
        rate: jax.Array,
    ) -> list[jax.Array]:
        def one(_: Any, present: Any) -> Any:
            return step(present, inputs, targets, rate)

        def several(_: Any, present: Any) -> Any:
            return lax.fori_loop(0, inner, one, present)

        blocks = iterations // inner if inner > 1 else 0
        parameters = lax.fori_loop(0, blocks, several, parameters)
        updated: list[jax.Array] = lax.fori_loop(blocks * inner, iterations, one, parameters)
        return updated

    def value(parameters: list[jax.Array], inputs: jax.Array, targets: jax.Array) -> jax.Array:
        return _loss(loss, forward(parameters, inputs)[-1], targets)

    return _Program(jax.jit(train), jax.jit(value))


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
    """Return ∂E/∂f without the 1/N of a mean; see `gradient` for the corner cases."""
    from jax import numpy as jnp

    difference = predictions - targets
    if loss == "mse":
        return 2.0 * difference
    if loss == "bce":
        return difference / jnp.maximum(predictions * (1.0 - predictions), 1e-12)
    return jnp.sign(difference)


def _loss(loss: Loss, predictions: jax.Array, targets: jax.Array) -> jax.Array:
    from jax import numpy as jnp

    difference = predictions - targets
    if loss == "mse":
        return (difference * difference).mean()
    if loss == "bce":
        likelihood = 1.0 - targets + (2.0 * targets - 1.0) * predictions
        return -jnp.maximum(jnp.log(likelihood), -100.0).mean()
    error = jnp.abs(difference)
    return error.sum() if loss == "l1-sum" else error.mean()


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
    ) -> None:
        self.name = name
        self.device = device
        self.summary = summary
        self.rung = rung
        self.published_dtype = published_dtype

    def unavailable(self) -> str | None:
        reason = optional.missing("jax")
        if reason is not None or self.device == "cpu":
            return reason
        reason = driver_unavailable()
        if reason is None and not any(find_spec(plugin) for plugin in _CUDA_PLUGINS):
            return "this JAX is installed without CUDA: pip install 'jax[cuda12]'"
        return reason

    def environment(self, threads: int) -> dict[str, str]:
        # XLA sizes its thread pool by NPROC. JAX keeps a dozen more threads, for compiling and
        # queueing, whose number cannot be set; they sleep during training.
        variables = thread_variables(threads) | {"NPROC": str(threads)}
        if self.device == "cpu":
            return variables | {"JAX_PLATFORMS": "cpu"}
        # Otherwise XLA takes three quarters of the device's memory at once.
        return variables | {"JAX_PLATFORMS": "cuda,cpu", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

    def prepare(self, problem: Problem, dtype: DType) -> JaxTrainer:
        trainer = JaxTrainer(problem, dtype, self.device)
        trainer.train(2)  # compiles
        trainer.reset()
        return trainer


_CUDA_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")

CPU = JaxBackend(
    "jax-cpu",
    "cpu",
    "JAX on the CPU: the whole loop compiled by XLA, called once",
    LadderStep("Python's loop: all steps in one call", after="python"),
    published_dtype="float64",
)
CUDA = JaxBackend(
    "jax-cuda",
    "cuda",
    "JAX on a CUDA GPU, otherwise as jax-cpu",
    LadderStep("Python's loop: all steps in one call", after="torch-cuda-graph"),
)
