"""The start of training: the parameters before the first iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from perceptron.problems.datasets import Array


@dataclass(frozen=True)
class Start:
    """A way to make the first parameters; subclasses define `parameters`."""

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        """Make float64 arrays [weights 1, bias 1, weights 2, …] for layers of these widths.

        ``widths`` begins with the number of features. Weights have the shape (fan in, fan out),
        a bias has the shape (fan out,).
        """
        raise NotImplementedError

    def of_model(self, index: int) -> Start:
        """Return the start of model ``index``; that of model 0 is the start of a single model."""
        raise NotImplementedError

    def stacked(self, widths: Sequence[int], models: int) -> list[Array]:
        """Return the `parameters` of all ``models``, stacked: (models, fan in, fan out) …"""
        starts = [self.of_model(index).parameters(widths) for index in range(models)]
        return [np.stack(arrays) for arrays in zip(*starts, strict=True)]


@dataclass(frozen=True)
class UnitStart(Start):
    """The walk-through's start: uniform in [0, 1), weights then bias, NumPy's legacy generator."""

    seed: int = 1

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        return _unit(np.random.RandomState(self.seed), widths)

    def of_model(self, index: int) -> UnitStart:
        return replace(self, seed=self.seed + index)

    def stacked(self, widths: Sequence[int], models: int) -> list[Array]:
        random = np.random.RandomState()  # making one takes seventy times as long as seeding it
        starts = []
        for index in range(models):
            random.seed(self.seed + index)
            starts.append(_unit(random, widths))
        return [np.stack(arrays) for arrays in zip(*starts, strict=True)]


@dataclass(frozen=True)
class FanInStart(Start):
    """Weights from U(±gain/√fan_in), bias from U(±1/√fan_in).

    With a gain of 1 it is the start of `torch.nn.Linear`, which shrinks the variance of a signal to
    a third in each layer; √3 keeps it (LeCun et al., Efficient BackProp, 1998, §4.6, written for a
    uniform distribution).
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

    def of_model(self, index: int) -> FanInStart:
        return replace(self, seed=self.seed + index)


@dataclass(frozen=True)
class GivenStart(Start):
    """Starts from ``arrays``, such as those of another training.

    For several models they are stacked, with an axis of models in front.
    """

    arrays: tuple[Array, ...] = ()

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        return [np.array(array, dtype=np.float64) for array in self.arrays]

    def of_model(self, index: int) -> GivenStart:
        return GivenStart(tuple(array[index] for array in self.arrays))


def _unit(random: np.random.RandomState, widths: Sequence[int]) -> list[Array]:
    arrays: list[Array] = []
    for fan_in, fan_out in pairwise(widths):
        arrays += [random.rand(fan_in, fan_out), random.rand(fan_out)]
    return arrays
