from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends import registry, torch_compiled
from perceptron.backends.torch_compiled import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.optimizer import AdamW, Optimizer, Sgd
from perceptron.problems.problem import Problem
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

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.skipif(
        BACKEND.unavailable() is not None, reason=f"{BACKEND.name}: {BACKEND.unavailable()}"
    ),
]

TRAININGS = [
    pytest.param(problem, id=problem.name)
    for problem in (
        replace(SHORT_LAST, optimizer=AdamW(rate=0.01)),
        EVEN,
        replace(SQUARES, optimizer=Sgd(rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
    )
]


@pytest.mark.parametrize("problem", TRAININGS)
def test_graphs_and_single_steps_are_one_training(problem: Problem) -> None:
    """Batches come in their order over the whole cycle, and one goes on with the other's state."""
    assert_trains_as_numpy(BACKEND.prepare(problem, "float64"), problem, CYCLE + 21)
    assert_continues(lambda: BACKEND.prepare(problem, "float64"), 50, 50)
    assert_continues(lambda: BACKEND.prepare(problem, "float64"), 3, 1, 0, 2, 7)
    assert_resets(lambda: BACKEND.prepare(problem, "float64"), after=6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
@pytest.mark.usefixtures("traced_not_compiled")
def test_every_optimizer_agrees_over_a_short_last_batch(optimizer: Optimizer) -> None:
    problem = replace(SHORT_LAST, optimizer=optimizer)
    trainer = torch_compiled.CompiledTrainer(problem, "float32")
    assert_agrees(trainer, problem, "float32")


@pytest.mark.parametrize("name", ["digits", "mlp-batch:64"])
def test_what_the_suite_measures_agrees(name: str) -> None:
    problem = catalogue.find(name)
    assert_agrees(BACKEND.prepare(problem, "float32"), problem, "float32")


@pytest.mark.parametrize(
    ("name", "steps"), [("mlp-batch:1", 5), ("digits", 1), ("mlp-batch:64", 1), ("short-last", 2)]
)
def test_a_graph_holds_no_more_steps_than_follow_at_one_length(name: str, steps: int) -> None:
    problem = SHORT_LAST if name == SHORT_LAST.name else catalogue.find(name)
    assert torch_compiled.unrolled(problem) == steps
