from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import Trainer
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem
from perceptron.studies.check import check
from tests.made import silent


class Wrong(NumpyBackend):
    def __init__(self, trainer: type[NumpyTrainer]) -> None:
        self.trainer = trainer

    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        return self.trainer(problem, dtype)


class TrainsFromTheStartEachTime(NumpyTrainer):
    def train(self, iterations: int) -> None:
        if iterations:
            self.reset()
        super().train(iterations)


class DoesNotReset(NumpyTrainer):
    def reset(self) -> None:
        pass


class HandsOutItsArrays(NumpyTrainer):
    def parameters(self) -> list[Array]:
        return self._network.parameters


class LossOfTwiceTheRows(NumpyTrainer):
    def loss(self) -> float:
        return 2 * super().loss()


class Raises(NumpyTrainer):
    def train(self, iterations: int) -> None:
        raise RuntimeError("no kernel")


@pytest.mark.parametrize(
    ("trainer", "promise"),
    [
        (TrainsFromTheStartEachTime, "train(50) twice leaves what train(100) leaves"),
        (DoesNotReset, "reset goes back to the start"),
        (HandsOutItsArrays, "parameters() are copies"),
        (LossOfTwiceTheRows, "returns the loss"),
        (Raises, "agrees with float64 NumPy"),
    ],
)
def test_each_promise_can_be_broken(
    monkeypatch: pytest.MonkeyPatch, trainer: type[Trainer], promise: str
) -> None:
    """The check that names the mistake fails.

    One that shows on every problem shows on one without and one with hidden layers.
    """
    monkeypatch.setattr(registry, "load", lambda name: Wrong(trainer))  # type: ignore[arg-type]
    few = [catalogue.find(name) for name in ("or-gate", "mlp-depth:2")]
    kept = {result.name: result.kept for result in check(["wrong"], silent, few)["wrong"]}
    assert kept[promise] is False
