"""Promises, each broken by a trainer that breaks just that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.contract import checks, mutants
from perceptron.backends.contract.mutants import Driver, Kind, arrays_of, mistaken
from perceptron.backends.numpy_backend import BACKEND, NumpyBackend
from perceptron.backends.protocol import Evaluation, Score, Trainer
from perceptron.backends.shared.update import start_state
from perceptron.problems.problem import DType, Problem
from tests.backends.conftest import PROBLEMS

EVALUATES = "returns the loss, and evaluates both parts"


class Driven(NumpyBackend):
    """NumPy's gradients, with a mistake or without one."""

    def __init__(self, driver: Kind) -> None:
        self.driver = driver

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        return self.driver(BACKEND, problem, dtype)


def from_the_start(self: Driver, iterations: int) -> None:
    if iterations:
        self.reset()
    Driver.train(self, iterations)


def from_the_epochs_start(self: Driver, iterations: int) -> None:
    self.iteration -= self.iteration % self.problem.iterations_per_epoch
    Driver.train(self, iterations)


def without_momentum_of_before(self: Driver, iterations: int) -> None:
    self.state = start_state(np, self.problem.optimizer, self.start)
    Driver.train(self, iterations)


def in_percent(self: Driver) -> Evaluation:
    evaluation = Driver.evaluate(self)
    assert evaluation.train.accuracy is not None
    train = Score(evaluation.train.loss, 100.0 * evaluation.train.accuracy)
    return replace(evaluation, train=train)


def off_by_a_row(self: Driver) -> Evaluation:
    evaluation = Driver.evaluate(self)
    score = evaluation.test
    if score is None or score.accuracy is None or not self.iteration:
        return evaluation
    return replace(evaluation, test=Score(score.loss, score.accuracy + 1 / 30))


TRAINS_FROM_THE_START = mistaken(train=from_the_start)
DOES_NOT_RESET = mistaken(reset=lambda self: None)
HANDS_OUT_ITS_ARRAYS = mistaken(parameters=lambda self: arrays_of(self.problem, self.values))
BEGINS_THE_EPOCH_AGAIN = mistaken(train=from_the_epochs_start)
FORGETS_ITS_MOMENTUM = mistaken(train=without_momentum_of_before)
ACCURACY_IN_PERCENT = mistaken(evaluate=in_percent)
WITHOUT_TEST_SET = mistaken(evaluate=lambda self: replace(Driver.evaluate(self), test=None))
LOSS_OF_ONE_BATCH = mistaken(loss=lambda self: 1.1 * Driver.loss(self))
ACCURACY_OFF_BY_A_ROW = mistaken(evaluate=off_by_a_row)


@pytest.mark.parametrize(
    ("driver", "problem", "promise"),
    [
        (TRAINS_FROM_THE_START, "or-gate", "train(20) twice leaves what train(40) leaves"),
        (DOES_NOT_RESET, "or-gate", "reset goes back to the start"),
        (HANDS_OUT_ITS_ARRAYS, "xor-hidden", "parameters() are copies"),
        (LOSS_OF_ONE_BATCH, "or-gate", EVALUATES),
        (BEGINS_THE_EPOCH_AGAIN, "batches-adam", "train(7) twice leaves what train(14) leaves"),
        (FORGETS_ITS_MOMENTUM, "batches-momentum", "train(7) twice leaves what train(14) leaves"),
        (
            mutants.POSITION_KEPT,
            "batches-nesterov",
            "reset goes back to the first batch and step",
        ),
        (mutants.STATE_KEPT, "batches-momentum", "reset goes back to the first batch and step"),
        (mutants.STATE_KEPT, "batches-adamw", "reset goes back to the first batch and step"),
        (mutants.STEPS_KEPT, "batches-adam", "reset goes back to the first batch and step"),
        (mutants.STATE_KEPT, "batches-momentum", "agrees with float64 NumPy"),
        (mutants.WRONG_PART, "batches-momentum", EVALUATES),
        (WITHOUT_TEST_SET, "batches-momentum", EVALUATES),
        (ACCURACY_IN_PERCENT, "batches-adam", EVALUATES),
        (LOSS_OF_ONE_BATCH, "several-mse", EVALUATES),
        (ACCURACY_OFF_BY_A_ROW, "batches-momentum", "agrees with float64 NumPy"),
    ],
)
def test_promise_check_detects_broken_promise(driver: Kind, problem: str, promise: str) -> None:
    """And the driver without the mistake keeps it, so that it is the mistake that is seen."""
    check = checks.CHECKS[promise]
    check(Driven(Driver), PROBLEMS[problem], "float64")
    with pytest.raises(checks.Broken):
        check(Driven(driver), PROBLEMS[problem], "float64")
