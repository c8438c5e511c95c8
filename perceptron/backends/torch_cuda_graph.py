"""PyTorch's own step, recorded once as a CUDA graph and replayed: Python launches no kernels.

What is recorded is the step of `torch-cuda`, or that of `torch-cuda-manual`, optimizer included. Of
several models at once it is that of `torch-cuda`, which is traced by vmap while it is recorded and
never again, or that of `torch-cuda-bmm`. The steps of several models have never met a GPU.
"""

from __future__ import annotations

from perceptron.backends.accelerators.protocol import place
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.shared.torch_capture import capture
from perceptron.backends.shared.torch_recorded import STEPS, Recordable, RecordedTrainer
from perceptron.backends.torch_bmm import BmmTrainer
from perceptron.backends.torch_eager import CUDA, TorchTrainer
from perceptron.backends.torch_ensemble import EnsembleTrainer
from perceptron.backends.torch_manual import ManualTrainer
from perceptron.problems.problem import DType, Problem


class GraphBackend:
    """What `torch-cuda` computes, kernel for kernel."""

    name = "torch-cuda-graph"
    device = "cuda"
    summary = f"PyTorch on a CUDA GPU: {STEPS} steps, optimizer included, in one CUDA graph"
    rung = LadderStep("launches from Python: recorded steps, replayed", after="torch-cuda")
    # The first step of an optimizer, and looking at a step before it is recorded, import the last.
    imports = ("torch", "torch._dynamo")
    accelerator = TorchAccelerator("cuda")

    def unavailable(self) -> str | None:
        return CUDA.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> RecordedTrainer:
        return RecordedTrainer(lambda: self._trainer(problem, dtype), capture(place(self)))

    def _trainer(self, problem: Problem, dtype: DType) -> Recordable:
        trainer = TorchTrainer if problem.models == 1 else EnsembleTrainer
        return trainer(problem, dtype, place(self), recorded=STEPS)


class ManualGraphBackend(GraphBackend):
    """What `torch-cuda-manual` computes, kernel for kernel; of several models `torch-cuda-bmm`."""

    name = "torch-cuda-manual-graph"
    summary = f"PyTorch on a CUDA GPU: as torch-cuda-manual, {STEPS} steps in one CUDA graph"
    rung = LadderStep("launches from Python: recorded steps, replayed", after="torch-cuda-manual")
    rung_of_models = LadderStep(
        "launches from Python: recorded steps, replayed", after="torch-cuda-bmm"
    )

    def _trainer(self, problem: Problem, dtype: DType) -> Recordable:
        trainer = ManualTrainer if problem.models == 1 else BmmTrainer
        return trainer(problem, dtype, place(self), recorded=STEPS)


BACKEND = GraphBackend()
MANUAL = ManualGraphBackend()
