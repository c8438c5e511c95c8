"""The optimizers' update rules, over any array module with NumPy's names.

Augmented assignments change arrays in place, or make new ones where arrays are immutable (JAX), so
each rule also returns the arrays that it changes. The definitions are those of
`problems.optimizer`. Adam's state is not the averages m and v but the sums M = m/(1 − β₁) and
V = v/(1 − β₂), which saves two passes over the parameters:

    m/(1 − β₁ᵗ) / (√v/√(1 − β₂ᵗ) + eps)  =  k·M / (√V + eps·c)

with c = √((1 − β₂ᵗ)/(1 − β₂)) and k = c·(1 − β₁)/(1 − β₁ᵗ).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd

Tensor = Any
Namespace = Any
State = tuple[Tensor, ...]
Factors = tuple[Any, Any] | None  # `adam_factors` of a step; None for `Sgd`

_STEPS_AT_ONCE = 1024  # whose factors of Adam are computed together


def start_state(xp: Namespace, optimizer: Optimizer, parameters: Tensor) -> State:
    """Return the optimizer's arrays before the first step, zeros like ``parameters``."""
    return tuple(xp.zeros_like(parameters) for _ in range(optimizer.state_arrays))


def adam_factors(optimizer: Adam, step: Any) -> tuple[Any, Any]:
    """Return rate·k and eps·c (see above) of a step, counted from 1: numbers or arrays of them."""
    beta1, beta2 = optimizer.betas
    correction = ((1.0 - beta2**step) / (1.0 - beta2)) ** 0.5
    factor = correction * (1.0 - beta1) / (1.0 - beta1**step)
    return optimizer.rate * factor, optimizer.eps * correction


def factors_of(optimizer: Optimizer, steps_before: int, steps: int) -> Iterator[Factors]:
    """Yield the `Factors` of ``steps`` steps, as numbers, after ``steps_before`` earlier steps.

    Many are computed at once: computing a single one takes a microsecond.
    """
    if not isinstance(optimizer, Adam):
        yield from repeat(None, steps)
        return
    end = steps_before + steps
    for begin in range(steps_before + 1, end + 1, _STEPS_AT_ONCE):
        numbers = np.arange(begin, min(begin + _STEPS_AT_ONCE, end + 1), dtype=np.float64)
        pairs = (factor.tolist() for factor in adam_factors(optimizer, numbers))
        yield from zip(*pairs, strict=True)


def step_of(
    xp: Namespace,
    optimizer: Optimizer,
    parameters: Tensor,
    gradients: Tensor,
    state: State,
    factors: Iterator[Factors],
    piece: int | None = None,
) -> Callable[[], object]:
    """Return a function that takes the next step along flat ``gradients``, in place.

    For a plain optimizer gradients must be multiplied by the rate. Others update ``piece`` values
    at a time; None updates all together.
    """
    if optimizer.is_plain:
        return partial(xp.subtract, parameters, gradients, out=parameters)
    size = len(parameters)
    parts = [slice(begin, begin + (piece or size)) for begin in range(0, size, piece or size)]
    pieces = [
        (parameters[part], gradients[part], tuple(array[part] for array in state)) for part in parts
    ]

    def step() -> None:
        step_factors = next(factors)
        for arrays in pieces:
            update(xp, optimizer, *arrays, step_factors)

    return step


def update(
    xp: Namespace,
    optimizer: Optimizer,
    parameters: Tensor,
    gradients: Tensor,
    state: State,
    factors: Factors = None,
) -> tuple[Tensor, State]:
    """Take one step; return parameters and state. Overwrites ``gradients``.

    ``factors`` are `adam_factors` of the step, None for `Sgd`.
    """
    if isinstance(optimizer, Sgd):
        return _sgd(optimizer, parameters, gradients, state)
    assert factors is not None
    return _adam(xp, optimizer, parameters, gradients, state, factors)


def _sgd(
    optimizer: Sgd, parameters: Tensor, gradients: Tensor, state: State
) -> tuple[Tensor, State]:
    if optimizer.weight_decay:
        gradients += parameters * optimizer.weight_decay
    if optimizer.momentum:
        (buffer,) = state
        buffer *= optimizer.momentum
        buffer += gradients
        state = (buffer,)
        if optimizer.nesterov:
            gradients += buffer * optimizer.momentum
        else:
            parameters -= buffer * optimizer.rate
            return parameters, state
    gradients *= optimizer.rate
    parameters -= gradients
    return parameters, state


def _adam(
    xp: Namespace,
    optimizer: Adam,
    parameters: Tensor,
    gradients: Tensor,
    state: State,
    factors: tuple[Any, Any],
) -> tuple[Tensor, State]:
    beta1, beta2 = optimizer.betas
    rate, eps = factors
    if optimizer.weight_decay:
        if isinstance(optimizer, AdamW):
            parameters *= 1.0 - optimizer.rate * optimizer.weight_decay
        else:
            gradients += parameters * optimizer.weight_decay
    mean, square = state
    mean *= beta1
    mean += gradients
    gradients *= gradients
    square *= beta2
    square += gradients
    step = xp.sqrt(square)
    step += eps
    step = mean / step
    step *= rate
    parameters -= step
    return parameters, (mean, square)
