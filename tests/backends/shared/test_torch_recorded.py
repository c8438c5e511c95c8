"""Recorded trainers on a CUDA that replays nothing but what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import pytest

from perceptron.backends import registry
from perceptron.backends.shared.torch_capture import CudaCapture
from perceptron.backends.shared.torch_recorded import (
    STEPS,
    Kind,
    Recordable,
    RecordedTrainer,
    kinds,
    runs,
)
from perceptron.backends.torch_eager import TorchTrainer
from perceptron.backends.torch_manual import ManualTrainer
from perceptron.problems import catalogue
from perceptron.problems.batches import Batches
from perceptron.problems.optimizer import Adam, Optimizer
from perceptron.problems.problem import DType, Problem
from tests.backends.batched import (
    CYCLE,
    EVEN,
    OPTIMIZERS,
    SHORT_LAST,
    assert_agrees,
    assert_continues,
    assert_resets,
    assert_trains_as_numpy,
)
from tests.backends.conftest import assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import FakeCuda

Make = Callable[[Problem, DType], Recordable]


def autograd(problem: Problem, dtype: DType) -> TorchTrainer:
    """Return a trainer whose Adam computes as on a GPU, from a count in a tensor."""
    trainer = TorchTrainer(problem, dtype, "cpu", recorded=STEPS)
    if isinstance(problem.optimizer, Adam):
        trainer._optimizer.param_groups[0]["capturable"] = True
    return trainer


def by_hand(problem: Problem, dtype: DType) -> ManualTrainer:
    return ManualTrainer(problem, dtype, "cpu", recorded=STEPS)


pytestmark = [
    pytest.mark.usefixtures("one_torch_thread", "_capturable_on_a_cpu"),
    pytest.mark.parametrize("make", [autograd, by_hand], ids=lambda make: make.__name__),
]

TRAININGS = [
    pytest.param(SHORT_LAST, id="short-last"),
    pytest.param(replace(SHORT_LAST, feed="host"), id="short-last-host"),
    pytest.param(EVEN, id="even"),
]


@pytest.fixture
def _capturable_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch asks for a device that captures, though the arithmetic is that of any."""
    for name in ("torch.optim.adam", "torch.optim.adamw"):
        monkeypatch.setattr(
            import_module(name), "_get_capturable_supported_devices", lambda *_: ["cpu"], False
        )


def prepared(
    make: Make, problem: Problem, dtype: DType = "float64", cuda: FakeCuda | None = None
) -> RecordedTrainer:
    return RecordedTrainer(lambda: make(problem, dtype), CudaCapture(cuda or FakeCuda(), "cpu"))


def staged(make: Make, problem: Problem, cuda: FakeCuda) -> RecordedTrainer:
    """Return a trainer whose batches are copied to where graphs read them, as from a host."""

    def copied() -> Recordable:
        trainer = make(problem, "float64")
        trainer.data.is_copied = True
        return trainer

    return RecordedTrainer(copied, CudaCapture(cuda, "cpu"))


@pytest.mark.parametrize("iterations", [9, 37])
def test_any_number_of_iterations_is_trained(make: Make, iterations: int) -> None:
    """So are those left over by a whole number of graphs, no more and no fewer."""
    problem = catalogue.find("or-gate")
    trainer = prepared(make, problem)
    assert_as_numpy(trainer, problem, iterations=iterations, tolerance=1e-13)


def test_a_graph_is_replayed_as_seldom_as_possible(make: Make) -> None:
    """Ten steps a replay, single steps for the rest; each was replayed once to warm up."""
    cuda = FakeCuda()
    trainer = prepared(make, catalogue.find("or-gate"), cuda=cuda)
    trainer.train(2 * STEPS + 3)
    assert [len(graph.replayed_on) for graph in cuda.graphs] == [1 + 2, 1 + 3]


@pytest.mark.parametrize("problem", [catalogue.find("or-gate"), SHORT_LAST])
def test_everything_is_done_on_the_one_stream(make: Make, problem: Problem) -> None:
    """Autograd keeps to the stream on which it first saw a parameter, memory belongs to one."""
    cuda = FakeCuda()
    with cuda.watching():
        trainer = prepared(make, problem, "float32", cuda)
        trainer.train(STEPS + 3)
        trainer.reset()
        trainer.evaluate()
        trainer.parameters()
    assert cuda.strays == []
    assert [stream.name for stream in cuda.streams] == ["side 1"]
    assert {graph.recorded_on for graph in cuda.graphs} == {"side 1"}
    assert {name for graph in cuda.graphs for name in graph.replayed_on} == {"side 1"}
    assert len({id(graph.pool) for graph in cuda.graphs}) == 1


def test_what_is_queued_stands_between_what_came_before_and_what_comes_after(make: Make) -> None:
    """So an event on the default stream before and one after enclose it."""
    cuda = FakeCuda()
    trainer = prepared(make, catalogue.find("or-gate"), cuda=cuda)
    cuda.log.clear()
    trainer.queue(STEPS)
    assert cuda.log == [
        "side 1 waits for default",
        "replay on side 1",
        "default waits for side 1",
    ]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_every_optimizer_agrees_over_a_short_last_batch(make: Make, optimizer: Optimizer) -> None:
    """Ten steps in graphs: Adam's bias is corrected by the device's own count."""
    problem = replace(SHORT_LAST, optimizer=optimizer)
    assert_agrees(prepared(make, problem), problem, "float64")


@pytest.mark.parametrize("problem", TRAININGS)
def test_batches_come_in_their_order_over_the_whole_cycle(make: Make, problem: Problem) -> None:
    """And begin again after it, counted on the device or copied there."""
    cuda = FakeCuda()
    is_fed = problem.feed == "host"
    trainer = staged(make, problem, cuda) if is_fed else prepared(make, problem, cuda=cuda)
    assert_trains_as_numpy(trainer, problem, CYCLE + 21)


def test_training_continues_and_resets_in_mid_epoch(make: Make) -> None:
    problem = SHORT_LAST
    assert_continues(lambda: prepared(make, problem), 3, 1, 0, 2, 7)
    assert_resets(lambda: prepared(make, problem), after=6)
    assert_resets(lambda: staged(make, problem, FakeCuda()), after=6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
def test_nothing_that_a_graph_changes_is_moved(make: Make, optimizer: Optimizer) -> None:
    """A graph knows addresses: reset sets values and makes no new arrays."""
    trainer = prepared(make, replace(SHORT_LAST, optimizer=optimizer))

    def addresses() -> list[int]:
        return [tensor.data_ptr() for tensor in _tensors(trainer.trainer)]

    before = addresses()
    trainer.train(7)
    trainer.reset()
    assert addresses() == before


def test_adam_counts_its_steps_in_digits_enough_for_its_dtype(make: Make) -> None:
    """PyTorch would count in float32, from which a captured step corrects its bias by five digits.

    ``1 − 0.999`` of float32 is wrong in the fifth digit, and float64 must agree in nine.
    """
    problem = replace(catalogue.find("or-gate"), optimizer=Adam(rate=0.01))
    trainer = prepared(make, problem)
    assert_as_numpy(trainer, problem, iterations=2 * STEPS + 3, tolerance=1e-9)


def _tensors(trainer: Recordable) -> list[torch.Tensor]:
    if isinstance(trainer, TorchTrainer):
        states = [value for state in trainer._optimizer.state.values() for value in state.values()]
        return [*trainer._model.parameters(), *filter(torch.is_tensor, states)]
    assert isinstance(trainer, ManualTrainer)
    assert trainer._taken is not None
    return [trainer._network.parameters, trainer._taken, *trainer._state]


def test_no_graph_reaches_over_a_short_batch(make: Make) -> None:
    """Three full batches and a short one: graphs of three steps, of one, and of one short one."""
    batches = Batches(rows=120, size=36)
    assert kinds(batches, 120) == [Kind(3, 36), Kind(1, 36), Kind(1, 12)]
    assert list(runs(batches, 2, 6)) == [
        (72, Kind(1, 36)),
        (108, Kind(1, 12)),
        (120, Kind(3, 36)),
        (228, Kind(1, 12)),
    ]


def test_no_graph_reaches_past_the_last_order(make: Make) -> None:
    """Batches of one length are ten to a graph until the cycle of all orders ends."""
    batches = Batches(rows=120, size=60)
    cycle = batches.cycle
    assert kinds(batches, 120) == [Kind(10, 60), Kind(1, 60)]
    taken = list(runs(batches, cycle - 11, 22))
    assert [kind.steps for _, kind in taken] == [10, 1, 10, 1]
    assert [begin for begin, _ in taken] == [60 * (cycle - 11), 60 * (cycle - 1), 0, 600]
