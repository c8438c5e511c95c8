"""Promises, each broken by a trainer that breaks just that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends.contract import checks, mutants
from perceptron.backends.contract.mutants import Driver, Kind, Mutation, arrays_of
from perceptron.backends.contract.problems import problems
from perceptron.backends.numpy_backend import BACKEND, NumpyBackend
from perceptron.backends.protocol import Evaluation, Score, Trainer
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

PROBLEMS = {problem.name: problem for problem in problems()}
EVALUATES = "returns the loss, and evaluates both parts"


class Driven(NumpyBackend):
    """NumPy's gradients, with a mistake or without one."""

    def __init__(self, driver: Kind) -> None:
        self.mutation = Mutation("one", driver)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        return self.mutation.of(BACKEND, problem, dtype)


class TrainsFromTheStart(Driver):
    def train(self, iterations: int) -> None:
        if iterations:
            self.reset()
        super().train(iterations)


class DoesNotReset(Driver):
    def reset(self) -> None:
        pass


class HandsOutItsArrays(Driver):
    def parameters(self) -> list[Array]:
        return arrays_of(self.problem, self.values)


class BeginsTheEpochAgain(Driver):
    def train(self, iterations: int) -> None:
        self.iteration -= self.iteration % self.problem.iterations_per_epoch
        super().train(iterations)


class ForgetsItsMomentum(Driver):
    def train(self, iterations: int) -> None:
        self.reset_state()
        super().train(iterations)


class AccuracyInPercent(Driver):
    def evaluate(self) -> Evaluation:
        evaluation = super().evaluate()
        assert evaluation.train.accuracy is not None
        train = Score(evaluation.train.loss, 100.0 * evaluation.train.accuracy)
        return replace(evaluation, train=train)


class WithoutHeldOutPart(Driver):
    def evaluate(self) -> Evaluation:
        return replace(super().evaluate(), test=None)


class LossOfOneBatch(Driver):
    def loss(self) -> float:
        return 1.1 * super().loss()


class AccuracyOffByARow(Driver):
    def evaluate(self) -> Evaluation:
        evaluation = super().evaluate()
        score = evaluation.test
        if score is None or score.accuracy is None or not self.iteration:
            return evaluation
        return replace(evaluation, test=Score(score.loss, score.accuracy + 1 / 30))


@pytest.mark.parametrize(
    ("driver", "problem", "promise"),
    [
        (TrainsFromTheStart, "or-gate", "train(20) twice leaves what train(40) leaves"),
        (DoesNotReset, "or-gate", "reset goes back to the start"),
        (HandsOutItsArrays, "xor-hidden", "parameters() are copies"),
        (LossOfOneBatch, "or-gate", EVALUATES),
        (BeginsTheEpochAgain, "batches-adam", "train(7) twice leaves what train(14) leaves"),
        (ForgetsItsMomentum, "batches-momentum", "train(7) twice leaves what train(14) leaves"),
        (
            mutants.PositionKept,
            "batches-nesterov",
            "reset goes back to the first batch and step",
        ),
        (mutants.StateKept, "batches-momentum", "reset goes back to the first batch and step"),
        (mutants.StateKept, "batches-adamw", "reset goes back to the first batch and step"),
        (mutants.StepsKept, "batches-adam", "reset goes back to the first batch and step"),
        (mutants.StateKept, "batches-momentum", "agrees with float64 NumPy"),
        (mutants.WrongPart, "batches-momentum", EVALUATES),
        (WithoutHeldOutPart, "batches-momentum", EVALUATES),
        (AccuracyInPercent, "batches-adam", EVALUATES),
        (LossOfOneBatch, "several-mse", EVALUATES),
        (AccuracyOffByARow, "batches-momentum", "agrees with float64 NumPy"),
    ],
)
def test_the_promise_is_seen_to_be_broken(driver: Kind, problem: str, promise: str) -> None:
    """And the driver without the mistake keeps it, so that it is the mistake that is seen."""
    check = next(check for check in checks.CHECKS if check.name == promise)
    check.run(Driven(Driver), PROBLEMS[problem], "float64")
    with pytest.raises(checks.Broken):
        check.run(Driven(driver), PROBLEMS[problem], "float64")
