"""A problem in PyTorch's own words: its model, its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from perceptron.problems.optimizer import AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, Loss, Problem

if TYPE_CHECKING:
    import torch


def model_of(problem: Problem, dtype: torch.dtype, device: torch.device) -> torch.nn.Sequential:
    """Return the layers of a problem with parameters of PyTorch's choice."""
    from torch import nn

    activations: dict[Activation, type[nn.Module]] = {
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
    }
    modules: list[nn.Module] = []
    for fan_in, layer in zip(problem.widths, problem.layers, strict=False):
        modules.append(nn.Linear(fan_in, layer.width, dtype=dtype, device=device))
        if layer.activation != "identity":
            modules.append(activations[layer.activation]())
    return nn.Sequential(*modules)


def optimizer_of(
    optimizer: Optimizer,
    parameters: Iterable[torch.Tensor],
    *,
    foreach: bool | None = None,
    capturable: bool = False,
) -> torch.optim.Optimizer:
    """Return PyTorch's own optimizer of this description; its SGD can always be captured."""
    import torch

    if isinstance(optimizer, Sgd):
        return torch.optim.SGD(
            parameters,
            lr=optimizer.rate,
            momentum=optimizer.momentum,
            nesterov=optimizer.nesterov,
            weight_decay=optimizer.weight_decay,
            foreach=foreach,
        )
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
    return kind(
        parameters,
        lr=optimizer.rate,
        betas=optimizer.betas,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
        foreach=foreach,
        capturable=capturable,
    )


def loss_of(loss: Loss) -> torch.nn.Module:
    """Return PyTorch's own module of this loss."""
    from torch import nn

    if loss == "l1-sum":
        return nn.L1Loss(reduction="sum")
    means: dict[Loss, type[nn.Module]] = {
        "l1-mean": nn.L1Loss,
        "mse": nn.MSELoss,
        "bce": nn.BCELoss,
        "cross-entropy": nn.CrossEntropyLoss,
    }
    return means[loss]()
