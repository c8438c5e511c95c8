"""Where training starts: the parameters before the first iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from perceptron.problems.datasets import Array


@dataclass(frozen=True)
class Start:
    """How the first parameters are made; subclasses say it in `parameters`."""

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        """Make float64 arrays [weights 1, bias 1, weights 2, …] for layers of these widths.

        ``widths`` begins with the number of features. Weights have the shape (fan in, fan out),
        a bias has the shape (fan out,).
        """
        raise NotImplementedError


@dataclass(frozen=True)
class UnitStart(Start):
    """The walk-through's start: uniform in [0, 1), weights then bias, NumPy's legacy generator."""

    seed: int = 1

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        random = np.random.RandomState(self.seed)
        arrays: list[Array] = []
        for fan_in, fan_out in pairwise(widths):
            arrays += [random.rand(fan_in, fan_out), random.rand(fan_out)]
        return arrays


@dataclass(frozen=True)
class FanInStart(Start):
    """Weights from U(±gain/√fan_in), bias from U(±1/√fan_in).

    A gain of 1 is what `torch.nn.Linear` starts from. It shrinks the variance of a signal to a
    third in each layer, so deep stacks take √3, which keeps it (LeCun et al., Efficient BackProp,
    1998, §4.6, written for a uniform distribution).
    """

    gain: float = 1.0
    seed: int = 1

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        random = np.random.default_rng(self.seed)
        arrays: list[Array] = []
        for fan_in, fan_out in pairwise(widths):
            bound = 1.0 / np.sqrt(fan_in)
            weights = random.uniform(-bound, bound, (fan_in, fan_out)) * self.gain
            arrays += [weights, random.uniform(-bound, bound, fan_out)]
        return arrays


@dataclass(frozen=True)
class GivenStart(Start):
    """Start from the arrays given, such as those another training left."""

    arrays: tuple[Array, ...] = ()

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        return [np.array(array, dtype=np.float64) for array in self.arrays]
