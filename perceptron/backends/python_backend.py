"""Plain Python: floats in local variables and a loop over the rows, no library in the loop.

Loops over layers and neurons would cost more than the arithmetic in them, so the source of the
loop is written for the network at hand: `loop_source`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any

import numpy as np

from perceptron.backends.numpy_backend import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.gradient import Network, step_scale
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.cost import operations, parameter_count
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

# At about 12 ns an operation, an iteration stays below 10 ms.
MOST_OPERATIONS = 750_000
# At about 100 µs to compile a parameter's part of the loop, preparing stays below half a second.
MOST_PARAMETERS = 4096

# (columns of inputs and targets, parameters, scale, iterations) → parameters
Loop = Callable[[Sequence[Any], tuple[float, ...], float, int], tuple[float, ...]]

_ACTIVATE: dict[Activation, str] = {
    "sigmoid": "zero if y < lowest else one / (one + exp(-y))",
    "tanh": "tanh(y)",
    "relu": "zero if y < zero else y",
    "identity": "y",
}
# A′ in terms of a = A(y).
_DAMP: dict[Activation, str] = {
    "sigmoid": " * ({a} - {a} * {a})",
    "tanh": " * (one - {a} * {a})",
    "relu": " * (one if {a} > zero else zero)",
    "identity": "",
}
# ∂E/∂f times the scale. The sign of an exact hit is 0, and that of NaN is NaN.
_SLOPE: dict[Loss, str] = {
    "l1-sum": "(scale if {f} > t else -scale if {f} < t else {f} - t)",
    "l1-mean": "(scale if {f} > t else -scale if {f} < t else {f} - t)",
    "mse": "scale * ({f} - t)",
    "bce": "scale * ({f} - t) / max((one - {f}) * {f}, smallest)",
}


def loop_source(widths: Sequence[int], activations: Sequence[Activation], loss: Loss) -> str:
    """Write the source of a `Loop` called ``train``, for layers of these `Problem.widths`.

    Variables of layer k: ``a{k}_{i}`` enters it, ``w{k}_{i}_{j}`` weighs, ``b{k}_{j}`` is a bias
    and ``d{k}_{j}`` is ∂E/∂y; a g in front means the gradient, a sum over the rows. What it reads
    beside its arguments: zero, one, lowest, smallest, exp and tanh.
    """
    names = _parameters(widths)
    columns = [f"columns[{number}]" for number in range(widths[0] + 1)]
    row = _forward(widths, activations) + _backward(widths, activations, loss)
    lines = [
        "def train(columns, parameters, scale, iterations):",
        f"    ({', '.join(names)},) = parameters",
        "    for _ in range(iterations):",
        f"        {' = '.join('g' + name for name in names)} = zero",
        f"        for {', '.join(_entering(0, widths))}, t in zip({', '.join(columns)}):",
        *(f"            {line}" for line in row),
        *(f"        {name} -= g{name}" for name in names),
        f"    return ({', '.join(names)},)",
    ]
    return "\n".join(lines) + "\n"


def _entering(layer: int, widths: Sequence[int]) -> list[str]:
    return [f"a{layer}_{i}" for i in range(widths[layer])]


def _parameters(widths: Sequence[int]) -> list[str]:
    """Name them as `Problem.start_parameters` orders them, each array row by row."""
    names = []
    for k, (fan_in, fan_out) in enumerate(pairwise(widths)):
        names += [f"w{k}_{i}_{j}" for i in range(fan_in) for j in range(fan_out)]
        names += [f"b{k}_{j}" for j in range(fan_out)]
    return names


def _sum(terms: Sequence[str]) -> str:
    # In groups, because Python's compiler goes one call deeper for each term of a sum.
    groups = [" + ".join(terms[start : start + 100]) for start in range(0, len(terms), 100)]
    return groups[0] if len(groups) == 1 else " + ".join(f"({group})" for group in groups)


def _forward(widths: Sequence[int], activations: Sequence[Activation]) -> list[str]:
    lines = []
    for k, activation in enumerate(activations):
        for j in range(widths[k + 1]):
            terms = [f"{a} * w{k}_{i}_{j}" for i, a in enumerate(_entering(k, widths))]
            lines.append(f"y = {_sum(terms)} + b{k}_{j}")
            lines.append(f"a{k + 1}_{j} = {_ACTIVATE[activation]}")
    return lines


def _backward(widths: Sequence[int], activations: Sequence[Activation], loss: Loss) -> list[str]:
    lines = []
    for k in reversed(range(len(activations))):
        for j, a in enumerate(_entering(k + 1, widths)):
            if k + 1 == len(activations):
                slope = _SLOPE[loss].format(f=a)
            else:
                terms = [f"d{k + 1}_{n} * w{k + 1}_{j}_{n}" for n in range(widths[k + 2])]
                slope = f"({_sum(terms)})"
            lines.append(f"d{k}_{j} = {slope}{_DAMP[activations[k]].format(a=a)}")
            lines += [
                f"gw{k}_{i}_{j} += {a} * d{k}_{j}" for i, a in enumerate(_entering(k, widths))
            ]
            lines.append(f"gb{k}_{j} += d{k}_{j}")
    return lines


def loop_function(
    widths: Sequence[int],
    activations: Sequence[Activation],
    loss: Loss,
    real: Callable[[float], Any] = float,
) -> Loop:
    """Compile `loop_source` to a function whose constants are of the type ``real``."""
    # math.exp raises OverflowError from 709.8 up.
    constants = {"zero": 0.0, "one": 1.0, "lowest": -709.0, "smallest": 1e-12}
    names: dict[str, Any] = {name: real(number) for name, number in constants.items()}
    names |= {"exp": math.exp, "tanh": math.tanh}
    exec(loop_source(widths, activations, loss), names)  # noqa: S102 the source is our own
    loop: Loop = names["train"]
    return loop


_loop = lru_cache(maxsize=32)(loop_function)


class PythonTrainer(NumpyTrainer):
    """Holds its parameters in NumPy arrays between two trainings, and in variables during one."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        network = self._network
        self._columns = [column.tolist() for column in columns(network)]
        self._scale = step_scale(network.loss, network.rate, len(network.targets))
        self._loop = _loop(problem.widths, network.activations, network.loss)

    def train(self, iterations: int) -> None:
        arrays = self._network.parameters
        values = tuple(value for array in arrays for value in array.ravel().tolist())
        write_back(self._loop(self._columns, values, self._scale, iterations), arrays)


def columns(network: Network) -> list[Array]:
    """Return what a `Loop` iterates over: each feature and then the target, (rows,) each."""
    return [*network.inputs.T, network.targets[:, 0]]


def write_back(values: Iterable[float], arrays: Iterable[Array]) -> None:
    """Put what a `Loop` returned into the arrays of the parameters."""
    remaining = iter(values)
    for array in arrays:
        array[...] = np.reshape(list(islice(remaining, array.size)), array.shape)


class PythonBackend:
    """Trains what it can in reasonable time, in float64."""

    name = "python"
    device = "cpu"
    summary = "Python floats, a loop written out for the network, no library"
    rung = LadderStep("arrays: plain numbers, in Python's own loop", after="torch-cpu-compiled")
    published_dtype: DType = "float64"

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)  # Python's loop takes one, whatever they say

    def prepare(self, problem: Problem, dtype: DType) -> PythonTrainer:
        if dtype != "float64":
            raise Unsupported(f"Python floats have 64 bits: no {dtype}")
        if operations(problem) > MOST_OPERATIONS:
            raise Unsupported(
                f"{operations(problem):,} operations an iteration, at most {MOST_OPERATIONS:,} are "
                "taken: Python would take over 10 ms for them"
            )
        if parameter_count(problem) > MOST_PARAMETERS:
            raise Unsupported(
                f"{parameter_count(problem):,} parameters, at most {MOST_PARAMETERS:,} are taken: "
                "each is a variable in the source of the loop"
            )
        trainer = PythonTrainer(problem, dtype)
        trainer.train(2)  # warm up: the interpreter specialises what it has run
        trainer.reset()
        return trainer


BACKEND = PythonBackend()
