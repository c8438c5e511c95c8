"""Plain Python: floats in local variables and a loop over the rows, no library in the loop.

`loop_source` writes the source of the loop for each network: loops over layers and neurons would
cost more than the arithmetic in them, so each parameter and each value is a variable. This backend
interprets the loop, `numba` compiles it. It repeats the arithmetic of `gradient` and `update` for
speed: it touches no array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.gradient import step_scale
from perceptron.problems.batches import Batches
from perceptron.problems.cost import operations, parameter_count
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Activation, DType, Loss, Problem

# At about 12 ns an operation, an iteration stays below 10 ms.
MOST_OPERATIONS = 750_000
# At about 100 µs to compile a parameter's part of the loop, preparing stays below half a second.
MOST_PARAMETERS = 4096

Loop = Callable[..., tuple[float, ...]]

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
# ∂E/∂f times the scale. The sign of 0 is 0, and that of NaN is NaN.
_SLOPE: dict[Loss, str] = {
    "l1-sum": "(scale if {f} > {t} else -scale if {f} < {t} else {f} - {t})",
    "l1-mean": "(scale if {f} > {t} else -scale if {f} < {t} else {f} - {t})",
    "mse": "scale * ({f} - {t})",
    "bce": "scale * ({f} - {t}) / max((one - {f}) * {f}, smallest)",
    "cross-entropy": "scale * ({e} / total - {t})",
}


@dataclass(frozen=True)
class LoopForm:
    """Properties of a problem that change the source of its loop."""

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    batched: bool = False
    momentum: bool = False
    nesterov: bool = False
    decay: bool = False

    @staticmethod
    def of(problem: Problem, optimizer: Sgd) -> LoopForm:
        """Return the form of a problem's loop."""
        return LoopForm(
            problem.widths,
            tuple(layer.activation for layer in problem.layers),
            problem.loss,
            problem.batch is not None,
            optimizer.momentum != 0.0,
            optimizer.nesterov,
            optimizer.weight_decay != 0.0,
        )

    @property
    def targets(self) -> list[str]:
        """Variables of a row's targets."""
        outputs = self.widths[-1]
        return ["t"] if outputs == 1 else [f"t{j}" for j in range(outputs)]

    @property
    def parameters(self) -> list[str]:
        """Variables in the order of `Problem.start_parameters`, each array row by row."""
        names = []
        for k, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            names += [f"w{k}_{i}_{j}" for i in range(fan_in) for j in range(fan_out)]
            names += [f"b{k}_{j}" for j in range(fan_out)]
        return names

    def entering(self, layer: int) -> list[str]:
        """Variables of a layer's inputs."""
        return [f"a{layer}_{i}" for i in range(self.widths[layer])]


def loop_source(form: LoopForm) -> str:
    """Write the source of a `Loop` called ``train``.

    Its arguments are ``columns``, each feature and then each target of all rows; ``values``, the
    parameters and then momentum's buffers, of which it returns the new values; the numbers
    ``momentum`` and ``decay``, rate × weight decay; ``turns``; and the number of ``iterations``.
    ``turns`` is the scale of the slope or, with batches, (begins, ends, scales, orders, first
    batch): batch k is the rows ``orders[begins[k]:ends[k]]``. Scales include the rate.

    Variables of layer k: ``a{k}_{i}`` is an input, ``w{k}_{i}_{j}`` a weight, ``b{k}_{j}`` a bias
    and ``d{k}_{j}`` is ∂E/∂y; with g in front the gradient, a sum over the rows, and with m its
    buffer. Globals that it reads: zero, one, lowest, smallest, exp and tanh.
    """
    names = form.parameters
    state = [*names, *(f"m{name}" for name in names)] if form.momentum else names
    variables = [*form.entering(0), *form.targets]
    start = f"{' = '.join('g' + name for name in names)} = zero"
    row = _forward(form) + _backward(form)
    lines = [
        "def train(columns, values, momentum, decay, turns, iterations):",
        f"    ({', '.join(state)},) = values",
    ]
    if form.batched:
        lines += [
            "    begins, ends, scales, orders, first = turns",
            *(f"    c{number} = columns[{number}]" for number in range(len(variables))),
            "    for turn in range(first, first + iterations):",
            "        turn %= len(begins)",
            "        scale = scales[turn]",
            f"        {start}",
            "        for row in orders[begins[turn] : ends[turn]]:",
            *(f"            {name} = c{number}[row]" for number, name in enumerate(variables)),
        ]
    else:
        columns = [f"columns[{number}]" for number in range(len(variables))]
        lines += [
            "    scale = turns",
            "    for _ in range(iterations):",
            f"        {start}",
            f"        for {', '.join(variables)} in zip({', '.join(columns)}):",
        ]
    lines += [f"            {line}" for line in row]
    lines += [f"        {line}" for name in names for line in _step(form, name)]
    return "\n".join([*lines, f"    return ({', '.join(state)},)"]) + "\n"


def loop_function(form: LoopForm, real: Callable[[float], Any] = float) -> Loop:
    """Compile `loop_source` to a function whose constants have the type ``real``."""
    # math.exp raises OverflowError from 709.8 up.
    constants = {"zero": 0.0, "one": 1.0, "lowest": -709.0, "smallest": 1e-12}
    names: dict[str, Any] = {name: real(number) for name, number in constants.items()}
    names |= {"exp": math.exp, "tanh": math.tanh}
    exec(loop_source(form), names)  # noqa: S102 the source is our own
    loop: Loop = names["train"]
    return loop


def _sum(terms: Sequence[str]) -> str:
    # In groups, because Python's compiler goes one call deeper for each term of a sum.
    groups = [" + ".join(terms[start : start + 100]) for start in range(0, len(terms), 100)]
    return groups[0] if len(groups) == 1 else " + ".join(f"({group})" for group in groups)


def _forward(form: LoopForm) -> list[str]:
    lines = []
    for k, activation in enumerate(form.activations):
        for j in range(form.widths[k + 1]):
            terms = [f"{a} * w{k}_{i}_{j}" for i, a in enumerate(form.entering(k))]
            lines.append(f"y = {_sum(terms)} + b{k}_{j}")
            lines.append(f"a{k + 1}_{j} = {_ACTIVATE[activation]}")
    return lines


def _backward(form: LoopForm) -> list[str]:
    depth = len(form.activations)
    lines = _softmax(form.entering(depth)) if form.loss == "cross-entropy" else []
    for k in reversed(range(depth)):
        for j, a in enumerate(form.entering(k + 1)):
            if k + 1 == depth:
                slope = _SLOPE[form.loss].format(f=a, t=form.targets[j], e=f"e{j}")
            else:
                terms = [f"d{k + 1}_{n} * w{k + 1}_{j}_{n}" for n in range(form.widths[k + 2])]
                slope = f"({_sum(terms)})"
            lines.append(f"d{k}_{j} = {slope}{_DAMP[form.activations[k]].format(a=a)}")
            lines += [f"gw{k}_{i}_{j} += {a} * d{k}_{j}" for i, a in enumerate(form.entering(k))]
            lines.append(f"gb{k}_{j} += d{k}_{j}")
    return lines


def _softmax(outputs: Sequence[str]) -> list[str]:
    """Return lines for exponentials ``e{j}``, less the largest so none overflows, and their sum."""
    lines = [f"top = {outputs[0]}"]
    lines += [f"top = {a} if {a} > top else top" for a in outputs[1:]]
    # exp(y) of a large negative y is 0, no error.
    lines += [f"e{j} = exp({a} - top)" for j, a in enumerate(outputs)]
    return [*lines, f"total = {_sum([f'e{j}' for j in range(len(outputs))])}"]


def _step(form: LoopForm, name: str) -> list[str]:
    """Return lines that move a parameter along its gradient, which includes the rate."""
    lines = [f"g{name} += decay * {name}"] if form.decay else []
    if not form.momentum:
        return [*lines, f"{name} -= g{name}"]
    lines.append(f"m{name} = momentum * m{name} + g{name}")
    return [
        *lines,
        f"{name} -= g{name} + momentum * m{name}" if form.nesterov else f"{name} -= m{name}",
    ]


_loop = lru_cache(maxsize=32)(loop_function)


class LoopTrainer(NumpyTrainer):
    """Trains by a written-out loop, which subclasses set.

    Parameters lie in NumPy arrays between calls of `train`, and in variables during a call.
    Batches are gathered row by row.
    """

    several = False
    _loop: Loop

    def __init__(self, problem: Problem, dtype: DType) -> None:
        optimizer = sgd_of(problem)
        super().__init__(problem, dtype)
        self._columns: Any = [*self._inputs.T, *self._targets.T]
        self._form = LoopForm.of(problem, optimizer)
        self._numbers, self._turns = arguments_of(problem, dtype)

    def train(self, iterations: int) -> None:
        arrays = (self._parameters, *self._state)
        turns = self._turns if self._batches is None else (*self._turns, self._iteration)
        values = self._loop(self._columns, self._values(arrays), *self._numbers, turns, iterations)
        for array, part in zip(arrays, np.reshape(values, (len(arrays), -1)), strict=True):
            array[...] = part
        self._iteration += iterations

    def _values(self, arrays: tuple[Array, ...]) -> tuple[Any, ...]:
        return tuple(value for array in arrays for value in array.tolist())


class PythonTrainer(LoopTrainer):
    """Trains on Python floats in lists."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        self._loop = _loop(self._form)
        self._columns = [column.tolist() for column in self._columns]
        self._numbers = [number.item() for number in self._numbers]
        if self._batches is None:
            self._turns = self._turns.item()
        else:
            self._turns = [array.tolist() for array in self._turns]


def sgd_of(problem: Problem) -> Sgd:
    """Return the problem's optimizer; raise `Unsupported` unless it is `Sgd`."""
    if not isinstance(problem.optimizer, Sgd):
        raise Unsupported(f"trains by sgd only, not by {problem.optimizer.kind}")
    return problem.optimizer


def arguments_of(problem: Problem, dtype: DType) -> tuple[Any, Any]:
    """Return a `Loop`'s momentum and decay in this dtype, and its ``turns`` less the first."""
    optimizer, real = sgd_of(problem), np.dtype(dtype).type
    numbers = real(optimizer.momentum), real(optimizer.rate * optimizer.weight_decay)
    if problem.batches is None:
        return numbers, real(scale_of(problem, problem.step_rows))
    begins, ends, scales, orders = turns_of(problem, problem.batches)
    return numbers, (begins, ends, scales.astype(dtype), orders)


def scale_of(problem: Problem, rows: int) -> float:
    """Return the scale of the slope for a batch of ``rows``, the rate included."""
    return step_scale(problem, rows, with_rate=True)


def turns_of(problem: Problem, batches: Batches) -> tuple[Any, ...]:
    """Return the batches of a cycle as arrays: (begins, ends, scales, orders)."""
    bounds = np.array(list(batches.spans(0, batches.cycle)))
    begins, ends = np.ascontiguousarray(bounds.T)
    full, short = (scale_of(problem, rows) for rows in (batches.size, batches.shortest))
    return begins, ends, np.where(ends - begins == batches.size, full, short), batches.orders


class PythonBackend(NumpyBackend):
    """Trains small problems by sgd, in float64, on one thread."""

    name = "python"
    summary = "Python floats, a loop written out for the network, no library"
    ladder_step = LadderStep(
        "arrays: plain numbers, in Python's own loop", after="torch-cpu-compiled"
    )

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for other optimizers and dtypes, and for large problems."""
        sgd_of(problem)
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

    def _trainer(self, problem: Problem, dtype: DType) -> PythonTrainer:
        return PythonTrainer(problem, dtype)


BACKEND = PythonBackend()
