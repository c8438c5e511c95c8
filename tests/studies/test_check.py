from __future__ import annotations

from collections.abc import Callable

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.numpy_backend import BACKEND, NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import Trainer
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem
from perceptron.studies.check import check
from perceptron.studies.shared.progress import silent


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], dict[str, bool]]:
    """Which promises a backend keeps, by name."""

    def run(backend: object) -> dict[str, bool]:
        monkeypatch.setattr(registry, "load", lambda name: backend)
        return {result.name: result.kept for result in check(["broken"], silent)["broken"]}

    return run


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


@pytest.fixture
def few_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake that shows on every problem shows on one without and one with hidden layers."""
    few = [catalogue.find(name) for name in ("or-gate", "mlp-depth:2")]
    monkeypatch.setattr(checks, "problems", lambda: few)


@pytest.mark.usefixtures("few_problems")
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
def test_each_promise_can_be_broken(broken, trainer: type[Trainer], promise: str) -> None:  # type: ignore[no-untyped-def]
    """The check that names the mistake fails."""
    assert broken(Wrong(trainer))[promise] is False  # type: ignore[arg-type]


@pytest.mark.usefixtures("few_problems")
def test_ours_keeps_all(broken) -> None:  # type: ignore[no-untyped-def]
    """On few problems; on all of them it is among the backends of the contract's own tests."""
    assert all(broken(BACKEND).values())
