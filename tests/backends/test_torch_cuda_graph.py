"""Steps that are recorded and replayed, on a CUDA that replays nothing but what was recorded."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from perceptron import rehearsal
from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.backends.torch_cuda_graph import (
    STEPS,
    CudaCapture,
    NotRecorded,
    RecordedTrainer,
    refusing,
)
from perceptron.backends.torch_eager import EnsembleTrainer, TorchTrainer
from perceptron.backends.torch_manual import BmmTrainer, ManualTrainer
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Problem
from tests.backends.batched import (
    CYCLE,
    EVEN,
    FOLDS,
    ONE_LAYER,
    SHORT_LAST,
)
from tests.backends.conftest import OVER_EPOCHS, assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import FORBIDDEN, FakeCuda

pytestmark = pytest.mark.usefixtures("one_torch_thread", "capturable_on_a_cpu")
OF_ONE, OF_SEVERAL = (TorchTrainer, ManualTrainer), (EnsembleTrainer, BmmTrainer)
OR_GATE = catalogue.find("or-gate")
HERE, FAR = torch.ones(3), torch.ones(3, device="meta")


def recorded(
    kind: Any, problem: Problem, is_copied: bool = False, cuda: FakeCuda | None = None
) -> RecordedTrainer:
    """Return a trainer that replays what was recorded, on batches that are copied if asked for."""

    def make() -> Any:
        trainer = kind(problem, "float64", "cpu", recorded=STEPS)
        trainer.data.is_copied = is_copied
        if hasattr(trainer, "_optimizer") and isinstance(problem.optimizer, Adam):
            trainer._optimizer.param_groups[0]["capturable"] = True  # as on a GPU
        return trainer

    return RecordedTrainer(make, CudaCapture(cuda or FakeCuda(), "cpu"))


@pytest.mark.parametrize(
    ("kind", "problem", "is_copied"),
    [
        *((kind, OR_GATE, False) for kind in OF_ONE),
        *((kind, SHORT_LAST, is_copied) for kind in OF_ONE for is_copied in (False, True)),
        *((kind, EVEN, False) for kind in OF_ONE),
        *((kind, FOLDS, is_copied) for kind in OF_SEVERAL for is_copied in (False, True)),
        (BmmTrainer, ONE_LAYER, False),
    ],
)
def test_what_is_replayed_is_the_training(kind: Any, problem: Problem, is_copied: bool) -> None:
    """Over the whole cycle of orders and on, all of it on the one stream: autograd keeps to the
    stream on which it first saw a parameter, and memory belongs to one."""
    cuda = FakeCuda()
    with cuda.watching():
        trainer = recorded(kind, problem, is_copied, cuda)
        assert {len(graph.replayed_on) for graph in cuda.graphs} == {1}, "uploaded beforehand"
        trainer.train(STEPS + 3)
        trainer.reset()
        trainer.evaluate()
        trainer.parameters()
    assert cuda.strays == []
    assert {graph.recorded_on for graph in cuda.graphs} == {"side 1"}
    assert {name for graph in cuda.graphs for name in graph.replayed_on} == {"side 1"}
    if problem is OR_GATE:
        assert_as_numpy(trainer, problem, iterations=37, tolerance=(1e-13, 0.0))
        assert [len(graph.replayed_on) for graph in cuda.graphs] == [1 + 1 + 3, 1 + 3 + 7]
    else:
        iterations = CYCLE + 21 if problem.models == 1 else 40
        assert_as_numpy(trainer, problem, iterations=iterations, tolerance=OVER_EPOCHS)


def test_what_is_queued_stands_between_what_came_before_and_what_comes_after() -> None:
    """So an event on the default stream before and one after enclose it."""
    cuda = FakeCuda()
    trainer = recorded(ManualTrainer, OR_GATE, cuda=cuda)
    cuda.log.clear()
    trainer.queue(STEPS)
    assert cuda.log == ["side 1 waits for default", "replay on side 1", "default waits for side 1"]


@pytest.mark.parametrize(
    ("step", "device", "why"),
    [
        (lambda: HERE.sum().item(), "cpu", "aten._local_scalar_dense.default asks the device"),
        (lambda: bool(HERE.sum() > 0), "cpu", "aten._local_scalar_dense.default asks"),
        (lambda: HERE[HERE > 0], "cpu", "asks the device for a value"),
        (lambda: torch.equal(HERE, HERE), "cpu", "aten.equal.default asks"),
        (lambda: FAR.cpu(), "meta", "aten._to_copy.default works on cpu, not on meta"),
        (lambda: FAR.copy_(HERE), "meta", "aten.copy_.default works on cpu, not on meta"),
        (lambda: torch.zeros(2), "meta", "aten.zeros.default works on cpu, not on meta"),
    ],
)
def test_a_step_that_cannot_be_recorded_is_refused_by_the_name_of_what_it_does(
    step: Callable[[], object], device: str, why: str
) -> None:
    """Before it is captured, where a device would say no more than that it is not permitted."""
    with pytest.raises(Unsupported, match=why) as refusal, refusing(device):
        step()
    assert "\n" not in str(refusal.value)


def test_trainers_share_a_stream_and_nothing_is_collected_while_they_record() -> None:
    """cuBLAS has a workspace for each stream; a graph that is destroyed spoils a recording."""
    cuda = FakeCuda()
    for _ in range(2):
        recorded(ManualTrainer, OR_GATE, cuda=cuda)
    assert len(cuda.streams) == 1
    assert not any(graph.was_collecting for graph in cuda.graphs)
    assert gc.isenabled()


def test_what_the_device_refuses_is_said_in_one_line() -> None:
    """A wait cannot be seen beforehand: the device itself refuses it, and says so only once."""
    cuda = FakeCuda()
    with pytest.raises(NotRecorded) as refusal:
        CudaCapture(cuda, "cpu").record(cuda.synchronize)
    assert str(refusal.value) == f"a CUDA graph could not be recorded: {FORBIDDEN}"


def test_a_rehearsal_refuses_a_step_that_waits_for_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that the row will have; nothing was recorded that would replay an old value."""
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    take = ManualTrainer.take_recorded

    def looking(self: ManualTrainer, *arguments: Any) -> None:
        take(self, *arguments)
        assert self.data.inputs.sum().item() > 0.0

    monkeypatch.setattr(ManualTrainer, "take_recorded", looking)
    with pytest.raises(Unsupported, match=r"recorded: aten\._local_scalar_dense"):
        registry.load("torch-cuda-manual-graph").prepare(OR_GATE, "float32")
