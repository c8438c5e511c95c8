from __future__ import annotations

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd

STEPS = 20
OPTIMIZERS: list[Optimizer] = [
    Sgd(rate=0.1),
    Sgd(rate=0.1, momentum=0.9),
    Sgd(rate=0.1, momentum=0.9, nesterov=True),
    Sgd(rate=0.1, weight_decay=0.2),
    Sgd(rate=0.1, momentum=0.5, weight_decay=0.2),
    Sgd(rate=0.1, momentum=0.5, nesterov=True, weight_decay=0.2),
    Adam(),
    Adam(rate=0.02, betas=(0.8, 0.95), eps=1e-3),
    Adam(rate=0.02, weight_decay=0.3),
    AdamW(rate=0.02),
    AdamW(rate=0.02, betas=(0.5, 0.9), eps=1e-2, weight_decay=0.3),
    AdamW(rate=0.02, weight_decay=0.0),
]


@pytest.mark.skipif(
    registry.reason_unavailable("torch-cpu") is not None, reason="torch is not installed"
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_steps_are_those_of_pytorch(optimizer: Optimizer) -> None:
    """The definitions are PyTorch's: 20 steps leave the same 64-bit parameters."""
    import torch

    from perceptron.backends.shared.torch_modules import optimizer_of

    random = np.random.default_rng(7)
    parameters = random.standard_normal(50)
    theirs = torch.nn.Parameter(torch.tensor(parameters))
    torch_optimizer = optimizer_of(optimizer, [theirs])
    state = start_state(np, optimizer, parameters)
    for step in range(1, STEPS + 1):
        # From 1e-9 up: there eps is larger than the root of the second moment.
        gradients = random.standard_normal(50) * 10.0 ** random.integers(-9, 1, 50)
        theirs.grad = torch.tensor(gradients)
        torch_optimizer.step()
        factors = adam_factors(optimizer, step) if isinstance(optimizer, Adam) else None
        parameters, state = update(np, optimizer, parameters, gradients, state, factors)
    np.testing.assert_allclose(parameters, theirs.detach().numpy(), rtol=0.0, atol=1e-12)


def test_the_first_step_of_adam_is_the_rate_along_the_sign() -> None:
    """Both averages are corrected for their start at 0."""
    optimizer = Adam(rate=0.1)
    parameters = np.zeros(3)
    state = start_state(np, optimizer, parameters)
    gradients = np.array([5.0, -0.001, 0.0])
    update(np, optimizer, parameters, gradients, state, adam_factors(optimizer, 1))
    np.testing.assert_allclose(parameters, [-0.1, 0.1, 0.0], rtol=1e-4)
