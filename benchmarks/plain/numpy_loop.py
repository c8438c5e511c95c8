"""Train a classifier with NumPy, as one writes it by hand: ``python numpy_loop.py``.

A plain script without this suite: what `numpy-plain` is compared with (`benchmarks.by_hand`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

RATE, BETA1, BETA2, EPS = 0.001, 0.9, 0.999, 1e-8


def training(
    rows: int = 16_384, features: int = 64, hidden: int = 128, classes: int = 10, batch: int = 64
) -> Callable[[], None]:
    """Return what trains one epoch."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((rows, features), np.float32)
    targets = np.eye(classes, dtype=np.float32)[rng.integers(classes, size=rows)]
    parameters = [
        rng.standard_normal(shape, np.float32) * np.float32(0.1)
        for shape in ((features, hidden), (hidden,), (hidden, classes), (classes,))
    ]
    means = [np.zeros_like(array) for array in parameters]
    squares = [np.zeros_like(array) for array in parameters]
    step = 0

    def epoch() -> None:
        nonlocal step
        w1, b1, w2, b2 = parameters
        order = rng.permutation(rows)
        for begin in range(0, rows, batch):
            chosen = order[begin : begin + batch]
            x, t = inputs[chosen], targets[chosen]
            h = np.maximum(x @ w1 + b1, 0)
            y = h @ w2 + b2
            p = np.exp(y - y.max(axis=1, keepdims=True))
            p = p / p.sum(axis=1, keepdims=True)
            dy = (p - t) / len(t)
            dh = dy @ w2.T * (h > 0)
            gradients = [x.T @ dh, dh.sum(axis=0), h.T @ dy, dy.sum(axis=0)]
            step += 1
            for i, gradient in enumerate(gradients):
                means[i] = BETA1 * means[i] + (1 - BETA1) * gradient
                squares[i] = BETA2 * squares[i] + (1 - BETA2) * gradient**2
                mean = means[i] / (1 - BETA1**step)
                square = squares[i] / (1 - BETA2**step)
                parameters[i] -= RATE * mean / (np.sqrt(square) + EPS)

    return epoch


if __name__ == "__main__":
    epoch = training()
    for _ in range(10):
        begin = time.perf_counter()
        epoch()
        print(f"{time.perf_counter() - begin:.4f} s/epoch")
