"""PyTorch's own step, recorded once as a CUDA graph and replayed: Python launches no kernels.

What is recorded is the step of `torch-cuda`, optimizer included. A replay repeats the recorded
kernels on the recorded addresses, so inputs, targets and parameters stay where they are, and
nothing in a step may ask the device for a value.
"""

from __future__ import annotations

from collections.abc import Callable

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.torch_eager import CUDA, TorchTrainer
from perceptron.problems.problem import DType, Problem

# In one graph; the check before timing takes ten iterations, so it replays what is timed.
STEPS = 10
# Until cuBLAS has its workspaces and the allocator its blocks; PyTorch's notes on CUDA graphs
# take three.
_WARM_UP_STEPS = 3

Work = Callable[[], None]
# (one step, how many of it) → a function that does that many, without launching them one by one
Record = Callable[[Work, int], Work]


class GraphTrainer(TorchTrainer):
    """``record`` is what makes a graph: `record_cuda_graph`, or in tests something for a CPU."""

    def __init__(self, problem: Problem, dtype: DType, device: str, record: Record) -> None:
        super().__init__(problem, dtype, device)
        self._many = record(self._step, STEPS)
        self._one = record(self._step, 1)
        self.reset()

    def train(self, iterations: int) -> None:
        replays, rest = divmod(iterations, STEPS)
        for _ in range(replays):
            self._many()
        for _ in range(rest):
            self._one()
        self._synchronize()

    def _step(self) -> None:
        # Gradients are None when `backward` begins, so that it stores them instead of adding; their
        # memory belongs to the graph.
        self._optimizer.zero_grad(set_to_none=True)
        self._loss(self._model(self._inputs), self._targets).backward()
        self._optimizer.step()


def record_cuda_graph(step: Work, steps: int) -> Work:
    """Record ``steps`` steps on the present device; the steps of the warm-up change parameters."""
    import torch

    # Capture is forbidden on the default stream. Autograd keeps to the stream on which it first
    # saw a parameter, so warming up and capturing share one.
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_STEPS):
            step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(steps):
            step()
    replay: Work = graph.replay
    return replay


class GraphBackend:
    """What `torch-cuda` computes, kernel for kernel."""

    name = "torch-cuda-graph"
    device = "cuda"
    summary = f"PyTorch on a CUDA GPU: {STEPS} steps, optimizer included, in one CUDA graph"
    rung = LadderStep("launches from Python: recorded steps, replayed", after="torch-cuda")
    imports = ("torch",)

    def unavailable(self) -> str | None:
        return CUDA.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> GraphTrainer:
        trainer = GraphTrainer(problem, dtype, self.device, record_cuda_graph)
        trainer.train(STEPS + 1)  # warm up: the first replay of a graph uploads it
        trainer.reset()
        return trainer


BACKEND = GraphBackend()
