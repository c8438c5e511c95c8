"""Eager PyTorch, with and without its modules, autograd and loader, on batches."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.backends.contract.quantities import Reference
from perceptron.problems import catalogue
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import DTYPES, DType, Layer, Problem
from perceptron.problems.start import FanInStart

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_torch_thread")

BACKENDS = ("torch-cpu", "torch-cpu-dataloader", "torch-cpu-functional", "torch-cpu-manual")
OPTIMIZERS: tuple[Optimizer, ...] = (
    Sgd(rate=0.1),
    Sgd(rate=0.1, weight_decay=1e-3),
    Sgd(rate=0.1, momentum=0.9),
    Sgd(rate=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    Adam(rate=0.003),
    Adam(rate=0.003, betas=(0.8, 0.99), eps=1e-6, weight_decay=1e-3),
    AdamW(rate=0.003),
)


def small(
    optimizer: Optimizer = OPTIMIZERS[4],
    last: Literal["keep", "drop"] = "keep",
    feed: Literal["resident", "host"] = "resident",
) -> Problem:
    """Five batches of five rows and one of two, which is kept or dropped."""
    return Problem(
        name="test",
        family="test",
        size=1,
        dataset=Clusters("clusters", 27, 4, classes=3),
        layers=(Layer(6, "tanh"), Layer(3, "identity")),
        loss="cross-entropy",
        optimizer=optimizer,
        start=FanInStart(),
        batch=5,
        last=last,
        feed=feed,
    )


@cache
def expected(problem: Problem) -> Reference:
    return agreement.reference(problem)


@pytest.mark.parametrize(
    ("reference", "optimizer", "dtype"),
    [
        *(("digits", optimizer, dtype) for optimizer in OPTIMIZERS for dtype in DTYPES),
        # What is a matter of the size is none of the optimizer's.
        *(("mlp-batch:64", OPTIMIZERS[4], dtype) for dtype in DTYPES),
        ("mlp-batch:6000", OPTIMIZERS[4], "float32"),
        ("mlp-batch:6000", OPTIMIZERS[3], "float64"),
    ],
    ids=lambda value: value.kind if isinstance(value, Sgd | Adam) else value,
)
@pytest.mark.parametrize("name", BACKENDS)
def test_every_optimizer_agrees_with_numpy(
    name: str, reference: str, optimizer: Optimizer, dtype: DType
) -> None:
    """Ten steps on the very same batches; of 6000 rows the third is a shorter one."""
    problem = replace(catalogue.find(reference), optimizer=optimizer)
    trainer = registry.load(name).prepare(problem, dtype)
    difference = agreement.compare(problem, trainer, dtype, expected(problem))
    assert difference.agrees, str(difference)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
@pytest.mark.parametrize("last", ["keep", "drop"])
@pytest.mark.parametrize("name", BACKENDS)
def test_calls_of_any_length_take_the_same_batches(
    name: str, last: Literal["keep", "drop"], optimizer: Optimizer
) -> None:
    """A call may end in the middle of an epoch, or reach over several."""
    problem = small(optimizer, last)
    numpy = registry.load("numpy").prepare(problem, "float64")
    numpy.train(40)
    trainer = registry.load(name).prepare(problem, "float64")
    for iterations in (3, 0, 1, 7, 29):
        trainer.train(iterations)
    assert_equal(trainer.parameters(), numpy.parameters())
    assert trainer.loss() == pytest.approx(numpy.loss(), rel=1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
@pytest.mark.parametrize("name", BACKENDS)
def test_reset_forgets_the_optimizer_and_the_position(name: str, optimizer: Optimizer) -> None:
    """What is trained after it is what was trained at first."""
    trainer = registry.load(name).prepare(small(optimizer), "float64")
    trainer.train(8)
    first = trainer.parameters()
    trainer.train(3)
    trainer.reset()
    trainer.train(8)
    assert_equal(trainer.parameters(), first, tolerance=0.0)


@pytest.mark.parametrize("name", BACKENDS)
def test_orders_begin_again_after_a_cycle(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs have a limited number of orders, after which the first is next."""
    monkeypatch.setattr("perceptron.problems.batches.CYCLE", 2)
    problem = small()
    assert problem.batches is not None
    assert problem.batches.cycle == 12
    numpy = registry.load("numpy").prepare(problem, "float64")
    numpy.train(31)
    trainer = registry.load(name).prepare(problem, "float64")
    trainer.train(13)
    trainer.train(18)
    assert_equal(trainer.parameters(), numpy.parameters())


@pytest.mark.parametrize("name", BACKENDS)
def test_on_a_cpu_the_host_is_the_device(name: str) -> None:
    """Data fed from the host give the same training there."""
    trainers = [
        registry.load(name).prepare(problem, "float64")
        for problem in (small(feed="host"), small(feed="resident"))
    ]
    for trainer in trainers:
        trainer.train(9)
    assert_equal(trainers[0].parameters(), trainers[1].parameters(), tolerance=0.0)


@pytest.mark.parametrize("name", BACKENDS)
def test_both_parts_are_evaluated_as_numpy_does(name: str) -> None:
    problem = catalogue.find("digits")
    scores = []
    for trainer in (registry.load(each).prepare(problem, "float64") for each in (name, "numpy")):
        trainer.train(2 * problem.iterations_per_epoch)
        scores.append(trainer.evaluate())
    ours, numpy = scores
    assert ours.test is not None
    assert numpy.test is not None
    assert (ours.train.accuracy, ours.test.accuracy) == (numpy.train.accuracy, numpy.test.accuracy)
    assert (ours.train.loss, ours.test.loss) == pytest.approx((numpy.train.loss, numpy.test.loss))
    assert (numpy.test.accuracy or 0.0) > 0.8


@pytest.mark.parametrize("loss", ["mse", "l1-mean", "l1-sum", "bce"])
@pytest.mark.parametrize("name", BACKENDS)
def test_other_losses_take_several_outputs(
    name: str, loss: Literal["mse", "l1-mean", "l1-sum", "bce"]
) -> None:
    problem = replace(small(), loss=loss, layers=(Layer(6, "tanh"), Layer(3, "sigmoid")))
    trainer = registry.load(name).prepare(problem, "float64")
    difference = agreement.compare(problem, trainer, "float64", expected(problem))
    assert difference.agrees, str(difference)


def assert_equal(
    actual: list[np.ndarray], expected: list[np.ndarray], tolerance: float = 1e-9
) -> None:
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
