from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends import jax_backend
from perceptron.backends.jax_backend import CPU, HostFedTrainer
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Optimizer, Sgd
from perceptron.problems.problem import DTYPES, DType, Problem
from tests.backends.batched import (
    CYCLE,
    EVEN,
    OPTIMIZERS,
    SHORT_LAST,
    SQUARES,
    assert_agrees,
    assert_continues,
    assert_resets,
    assert_trains_as_numpy,
)

pytestmark = pytest.mark.skipif(
    CPU.unavailable() is not None, reason=f"jax-cpu: {CPU.unavailable()}"
)


def host_fed(problem: Problem, dtype: DType = "float64") -> HostFedTrainer:
    """Return what a GPU trains data in host memory with, on the CPU."""
    trainer = HostFedTrainer(problem, dtype, "cpu")
    trainer.warm_up()
    trainer.reset()
    return trainer


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["digits", "mlp-batch:64", "mlp-batch-host:64"])
def test_what_the_suite_measures_agrees(name: str, dtype: DType) -> None:
    problem = catalogue.find(name)
    assert_agrees(CPU.prepare(problem, dtype), problem, dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_every_optimizer_agrees_over_a_short_last_batch(optimizer: Optimizer) -> None:
    problem = replace(SHORT_LAST, optimizer=optimizer)
    assert_agrees(CPU.prepare(problem, "float32"), problem, "float32")


@pytest.mark.parametrize("inner", [1, 10])
@pytest.mark.parametrize("problem", [SHORT_LAST, EVEN, SQUARES], ids=lambda each: each.name)
def test_batches_come_in_their_order_over_the_whole_cycle(
    problem: Problem, inner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And begin again after it; inner loops, as on a GPU, skip and repeat none."""
    monkeypatch.setitem(jax_backend._INNER, "cpu", inner)
    assert_trains_as_numpy(CPU.prepare(problem, "float64"), problem, CYCLE + 21)


@pytest.mark.parametrize("problem", [SHORT_LAST, EVEN], ids=lambda each: each.name)
def test_training_continues_and_resets_in_mid_epoch(problem: Problem) -> None:
    assert_continues(lambda: CPU.prepare(problem, "float64"), 50, 50)
    assert_continues(lambda: CPU.prepare(problem, "float64"), 3, 1, 0, 2, 7)
    assert_resets(lambda: CPU.prepare(problem, "float64"), after=6)


@pytest.mark.parametrize("problem", [SHORT_LAST, EVEN], ids=lambda each: each.name)
def test_data_in_host_memory_are_trained_on_batch_by_batch(problem: Problem) -> None:
    """A GPU's way keeps the same promises."""
    assert_trains_as_numpy(host_fed(problem), problem, CYCLE + 21)
    assert_continues(lambda: host_fed(problem), 3, 1, 0, 2, 7)
    assert_resets(lambda: host_fed(problem), after=6)
    assert_agrees(host_fed(problem, "float32"), problem, "float32")


def test_preparing_compiles_all_that_training_calls() -> None:
    """From wherever it stands and however far it goes, over short batches and ends of epochs."""
    trainer = CPU.prepare(SHORT_LAST, "float32")
    compiled = trainer._program.train._cache_size()  # type: ignore[attr-defined]
    for iterations in (1, 3, 50):
        trainer.train(iterations)
    trainer.reset()
    CPU.prepare(SHORT_LAST, "float32").train(2)
    assert trainer._program.train._cache_size() == compiled  # type: ignore[attr-defined]

    fed = host_fed(SHORT_LAST, "float32")
    compiled = fed._program.step._cache_size()  # type: ignore[attr-defined]
    fed.train(9)
    assert fed._program.step._cache_size() == compiled  # type: ignore[attr-defined]


def test_logits_in_the_hundreds_leave_cross_entropy_finite() -> None:
    """exp(1000) is infinite: the largest logit is taken off first."""
    problem = replace(SHORT_LAST, start=replace(SHORT_LAST.start, gain=1000.0))
    problem = replace(problem, optimizer=Sgd(rate=0.001))
    assert_trains_as_numpy(CPU.prepare(problem, "float64"), problem, 10)
