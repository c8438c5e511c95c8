from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends import registry
from perceptron.backends.torch_cuda_graph import GraphTrainer, Kind, Work, kinds, runs
from perceptron.problems import catalogue
from perceptron.problems.batches import Batches
from perceptron.problems.optimizer import Adam, Optimizer
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

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TRAININGS = [
    pytest.param(replace(problem, feed=feed), id=f"{problem.name}-{feed}")
    for problem in (SHORT_LAST, EVEN, SQUARES)
    for feed in ("resident", "host")
]


def repeated(work: Work) -> Work:
    """Return work that was not recorded, done as often as the real recorder's warm-up."""
    for _ in range(4):
        work()
    return work


def prepared(problem: Problem, dtype: DType = "float64") -> GraphTrainer:
    return GraphTrainer(problem, dtype, "cpu", repeated)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["digits", "mlp-batch:64", "mlp-batch-host:64"])
def test_what_the_suite_measures_agrees(name: str, dtype: DType) -> None:
    problem = catalogue.find(name)
    assert_agrees(prepared(problem, dtype), problem, dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_every_optimizer_agrees_over_a_short_last_batch(optimizer: Optimizer) -> None:
    problem = replace(SHORT_LAST, optimizer=optimizer)
    assert_agrees(prepared(problem, "float32"), problem, "float32")


@pytest.mark.parametrize("problem", TRAININGS)
def test_batches_come_in_their_order_over_the_whole_cycle(problem: Problem) -> None:
    """And begin again after it, counted on the device or copied there."""
    assert_trains_as_numpy(prepared(problem), problem, CYCLE + 21)


@pytest.mark.parametrize("problem", TRAININGS)
def test_training_continues_and_resets_in_mid_epoch(problem: Problem) -> None:
    assert_continues(lambda: prepared(problem), 50, 50)
    assert_continues(lambda: prepared(problem), 3, 1, 0, 2, 7)
    assert_resets(lambda: prepared(problem), after=6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_nothing_that_a_graph_changes_is_moved(optimizer: Optimizer) -> None:
    """A graph knows addresses: reset sets values and makes no new arrays."""
    trainer = prepared(replace(SHORT_LAST, optimizer=optimizer))

    def addresses() -> list[int]:
        states = trainer._optimizer.state.values()
        kept = [value for state in states for value in state.values() if hasattr(value, "data_ptr")]
        tensors = [*trainer._model.parameters(), *kept, trainer._place]
        return [tensor.data_ptr() for tensor in tensors]

    before = addresses()
    trainer.train(7)
    trainer.reset()
    assert addresses() == before


def test_adam_counts_its_steps_in_the_parameters_dtype() -> None:
    """PyTorch would count in float32, from which a captured step corrects its bias by five digits.

    ``1 − 0.999`` of float32 is wrong in the fifth digit, and float64 must agree in nine.
    """
    trainer = prepared(replace(SHORT_LAST, optimizer=Adam()))
    trainer.train(3)
    steps = [state["step"] for state in trainer._optimizer.state.values()]
    assert len(steps) == 4
    assert all(step.item() == 3.0 and step.dtype == trainer._dtype for step in steps)


def test_no_graph_reaches_over_a_short_batch() -> None:
    """Three full batches and a short one: graphs of three steps, of one, and of one short one."""
    batches = Batches(rows=120, size=36)
    assert kinds(batches, 120) == [Kind(3, 36), Kind(1, 36), Kind(1, 12)]
    assert list(runs(batches, 2, 6)) == [
        (72, Kind(1, 36)),
        (108, Kind(1, 12)),
        (120, Kind(3, 36)),
        (228, Kind(1, 12)),
    ]


def test_no_graph_reaches_past_the_last_order() -> None:
    """Batches of one length are ten to a graph until the cycle of all orders ends."""
    batches = Batches(rows=120, size=60)
    cycle = batches.cycle
    assert kinds(batches, 120) == [Kind(10, 60), Kind(1, 60)]
    taken = list(runs(batches, cycle - 11, 22))
    assert [kind.steps for _, kind in taken] == [10, 1, 10, 1]
    assert [begin for begin, _ in taken] == [60 * (cycle - 11), 60 * (cycle - 1), 0, 600]
