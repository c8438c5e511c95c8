from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends import jax_backend
from perceptron.backends.jax_backend import CPU, CUDA, HostFedTrainer
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Problem
from tests.backends.batched import assert_continues, assert_resets
from tests.backends.each_alone import (
    CLASSIFIERS,
    FOLDS,
    FOLDS_AT_ONCE,
    GATES,
    assert_at_the_start,
    assert_each_as_alone,
)

pytestmark = pytest.mark.skipif(
    CPU.unavailable() is not None, reason=f"jax-cpu: {CPU.unavailable()}"
)

ADAMS = replace(FOLDS, name="adams", optimizer=Adam(rate=0.01, eps=1e-3))


@pytest.mark.parametrize(
    "problem", [GATES, CLASSIFIERS, FOLDS, FOLDS_AT_ONCE, ADAMS], ids=lambda problem: problem.name
)
def test_each_model_trains_as_alone(problem: Problem) -> None:
    """Over short batches and the end of an epoch, on shared data or without a fold of its own."""
    assert_each_as_alone(CPU.prepare(problem, "float64"), problem, 11)


@pytest.mark.parametrize("problem", [GATES, ADAMS], ids=lambda problem: problem.name)
def test_no_iterations_leave_every_model_where_it_is(problem: Problem) -> None:
    trainer = CPU.prepare(problem, "float32")
    trainer.train(0)
    assert_at_the_start(trainer, problem)


@pytest.mark.parametrize("problem", [CLASSIFIERS, ADAMS], ids=lambda problem: problem.name)
def test_several_models_continue_and_reset_in_mid_epoch(problem: Problem) -> None:
    assert_continues(lambda: CPU.prepare(problem, "float64"), 3, 1, 0, 2, 7)
    assert_resets(lambda: CPU.prepare(problem, "float64"), after=6)


@pytest.mark.parametrize("problem", [CLASSIFIERS, FOLDS], ids=lambda problem: problem.name)
def test_a_gpu_is_fed_several_models_from_the_host(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rehearsed: a batch is gathered in host memory and copied once for all, or one of each."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    monkeypatch.setattr(jax_backend, "find_spec", lambda name: None)
    fed = replace(problem, feed="host")
    trainer = CUDA.prepare(fed, "float64")
    assert isinstance(trainer, HostFedTrainer)
    assert_each_as_alone(trainer, fed, 11)


def test_a_training_of_several_models_is_one_compiled_call() -> None:
    """However many iterations; other starts and data of that shape compile nothing again."""
    trainer = CPU.prepare(GATES, "float32")
    compiled = trainer._program.train._cache_size()  # type: ignore[attr-defined]
    trainer.train(7)
    CPU.prepare(GATES.with_seed(100), "float32").train(11)
    assert trainer._program.train._cache_size() == compiled  # type: ignore[attr-defined]


def test_shared_data_lie_on_the_device_once() -> None:
    """Not once for each model."""
    shared, own = (CPU.prepare(problem, "float32") for problem in (CLASSIFIERS, FOLDS))
    assert [array.shape for array in shared._data[:2]] == [(50, 6), (50, 3)]
    assert [array.shape for array in own._data[:2]] == [(5, 40, 6), (5, 40, 3)]


def test_a_single_model_has_no_axis_of_models() -> None:
    trainer = CPU.prepare(GATES.single(2), "float64")
    assert [array.shape for array in trainer.parameters()] == [(2, 1), (1,)]
    several = CPU.prepare(GATES, "float64").parameters()
    for one, all_of_them in zip(trainer.parameters(), several, strict=True):
        np.testing.assert_array_equal(one, all_of_them[2])
