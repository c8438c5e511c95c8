"""Steps that are recorded and replayed, on a CUDA that replays nothing but what was recorded."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from perceptron.backends import registry, torch_cuda_graph
from perceptron.backends.torch_cuda_graph import (
    STEPS,
    CudaCapture,
    RecordedTrainer,
)
from perceptron.backends.torch_eager import EnsembleTrainer, TorchTrainer
from perceptron.backends.torch_manual import BmmTrainer, ManualTrainer
from perceptron.measure import training
from perceptron.measure.job import Time
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Problem
from tests.backends.conftest import (
    FOLDS,
    ONE_LAYER,
    OVER_EPOCHS,
    PROBLEMS,
    SHORT_LAST,
    assert_as_numpy,
)
from tests.stand_in import use_stand_ins

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import FORBIDDEN, FakeCuda

pytestmark = pytest.mark.usefixtures("one_torch_thread", "capturable_on_a_cpu")
OF_ONE, OF_SEVERAL = (TorchTrainer, ManualTrainer), (EnsembleTrainer, BmmTrainer)
OR_GATE, EVEN = PROBLEMS["or-gate"], PROBLEMS["batches-nesterov"]


def recorded(kind: Any, problem: Problem, cuda: FakeCuda | None = None) -> RecordedTrainer:
    """Return a trainer that replays what was recorded."""

    def make() -> Any:
        trainer = kind(problem, "float64", "cpu", recorded=STEPS)
        if hasattr(trainer, "_optimizer") and isinstance(problem.optimizer, Adam):
            trainer._optimizer.param_groups[0]["capturable"] = True  # as on a GPU
        return trainer

    return RecordedTrainer(make, CudaCapture(cuda or FakeCuda()))


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        *((kind, problem) for kind in OF_ONE for problem in (OR_GATE, SHORT_LAST, EVEN)),
        *((kind, FOLDS) for kind in OF_SEVERAL),
        (BmmTrainer, ONE_LAYER),
    ],
)
def test_cuda_graph_replay_equals_training(kind: Any, problem: Problem) -> None:
    """Over the whole cycle of orders and on, all of it on the one stream: autograd keeps to the
    stream on which it first saw a parameter, and memory belongs to one."""
    cuda = FakeCuda()
    with cuda.watching():
        trainer = recorded(kind, problem, cuda)
        assert {len(graph.replayed_on) for graph in cuda.graphs} == {1}, "uploaded beforehand"
        trainer.train(STEPS + 3)
        trainer.reset()
        trainer.evaluate()
        trainer.parameters()
    assert cuda.strays == []
    assert {graph.recorded_on for graph in cuda.graphs} == {"side 1"}
    assert {name for graph in cuda.graphs for name in graph.replayed_on} == {"side 1"}
    if problem.batches is None:
        assert_as_numpy(trainer, problem, iterations=37, tolerance=(1e-13, 0.0))
        assert [len(graph.replayed_on) for graph in cuda.graphs] == [1 + 1 + 3, 1 + 3 + 7]
    else:
        iterations = problem.batches.cycle + 21 if problem.models == 1 else 40
        assert_as_numpy(trainer, problem, iterations=iterations, tolerance=OVER_EPOCHS)


def test_cuda_graph_queue_keeps_stream_order() -> None:
    """So an event on the default stream before and one after enclose it."""
    cuda = FakeCuda()
    trainer = recorded(ManualTrainer, OR_GATE, cuda=cuda)
    cuda.log.clear()
    trainer.queue(STEPS)
    assert cuda.log == ["side 1 waits for default", "replay on side 1", "default waits for side 1"]


def test_trainers_share_a_stream_and_nothing_is_collected_while_they_record() -> None:
    """cuBLAS has a workspace for each stream; a graph that is destroyed spoils a recording."""
    cuda = FakeCuda()
    for _ in range(2):
        recorded(ManualTrainer, OR_GATE, cuda=cuda)
    assert len(cuda.streams) == 1
    assert not any(graph.was_collecting for graph in cuda.graphs)
    assert gc.isenabled()


def in_vmap() -> None:
    torch.func.vmap(lambda value: value.item())(torch.ones(2))


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (FakeCuda.synchronize, f"{FORBIDDEN} CUDA kernel errors might be reported later"),
        (lambda cuda: in_vmap(), "vmap over calling .item() on a Tensor, please try to rewrite"),
    ],
)
def test_cuda_graph_recording_failure_gives_reason(
    refused: Callable[[FakeCuda], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own words, and that the recording failed; the same steps one by one have a time."""
    use_stand_ins(monkeypatch)
    cuda, take = FakeCuda(), EnsembleTrainer._take

    def refusing(trainer: EnsembleTrainer, batches: Iterable[Any]) -> None:
        if cuda.is_capturing:
            refused(cuda)
        take(trainer, batches)

    monkeypatch.setattr(EnsembleTrainer, "_take", refusing)
    monkeypatch.setattr(torch_cuda_graph, "capture", lambda place: CudaCapture(cuda))
    monkeypatch.setattr(training, "assert_threads_of_each", lambda backend, threads: None)
    about: dict[str, Any] = {"problem": "many-or-gates:2", "dtype": "float32", "threads": 1}
    recorded, eager = (
        training.measure(
            registry.load(name),
            Time(**about, backend=name, samples=1, minimum_seconds=0.001, iterations=STEPS),
        )
        for name in ("torch-cuda-graph", "torch-cuda")
    )
    assert recorded.status == "failed"
    assert recorded.reason is not None
    assert "a CUDA graph could not be recorded: RuntimeError: " in recorded.reason
    assert words in recorded.reason
    assert recorded.reason.endswith("; then RuntimeError: operation failed during capture")
    assert eager.status == "ok", eager.reason
