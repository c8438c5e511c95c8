"""The optimizers' update rules, over any array module with NumPy's names.

Written once: augmented assignments work in place where arrays allow that, and make new arrays where
they do not (JAX), so each rule also returns what it was given to change. The definitions are those
of `problems.optimizer`. Of Adam's averages m and v the sums M = m/(1 − β₁) and V = v/(1 − β₂) are
kept instead, which saves two passes over the parameters:

    m/(1 − β₁ᵗ) / (√v/√(1 − β₂ᵗ) + eps)  =  k·M / (√V + eps·c)

with c = √((1 − β₂ᵗ)/(1 − β₂)) and k = c·(1 − β₁)/(1 − β₁ᵗ).
"""

from __future__ import annotations

from typing import Any

from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd

Tensor = Any
Namespace = Any
State = tuple[Tensor, ...]


def start_state(xp: Namespace, optimizer: Optimizer, parameters: Tensor) -> State:
    """Return the optimizer's arrays before the first step, zeros like ``parameters``."""
    return tuple(xp.zeros_like(parameters) for _ in range(optimizer.state_arrays))


def adam_factors(optimizer: Adam, step: Any) -> tuple[Any, Any]:
    """Return rate·k and eps·c (see above) of a step, counted from 1: numbers or arrays of them."""
    first, second = optimizer.betas
    correction = ((1.0 - second**step) / (1.0 - second)) ** 0.5
    factor = correction * (1.0 - first) / (1.0 - first**step)
    return optimizer.rate * factor, optimizer.eps * correction


def update(
    xp: Namespace,
    optimizer: Optimizer,
    parameters: Tensor,
    gradients: Tensor,
    state: State,
    factors: tuple[Any, Any] | None = None,
) -> tuple[Tensor, State]:
    """Take one step; return parameters and state. Spoils ``gradients``.

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
    first, second = optimizer.betas
    rate, eps = factors
    if optimizer.weight_decay:
        if isinstance(optimizer, AdamW):
            parameters *= 1.0 - optimizer.rate * optimizer.weight_decay
        else:
            gradients += parameters * optimizer.weight_decay
    mean, square = state
    mean *= first
    mean += gradients
    gradients *= gradients
    square *= second
    square += gradients
    step = xp.sqrt(square)
    step += eps
    step = mean / step
    step *= rate
    parameters -= step
    return parameters, (mean, square)
