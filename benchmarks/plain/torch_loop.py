"""Train a classifier with PyTorch, as one writes it by hand: ``python torch_loop.py``.

A plain script without this suite: what `torch-cpu` is compared with (`benchmarks.by_hand`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn


def training(
    rows: int = 16_384, features: int = 64, hidden: int = 128, classes: int = 10, batch: int = 64
) -> Callable[[], None]:
    """Return what trains one epoch."""
    inputs, targets = torch.randn(rows, features), torch.randint(classes, (rows,))
    model = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())

    def epoch() -> None:
        for chosen in torch.randperm(rows).split(batch):
            loss = criterion(model(inputs[chosen]), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    epoch = training()
    for _ in range(10):
        begin = time.perf_counter()
        epoch()
        print(f"{time.perf_counter() - begin:.4f} s/epoch")
