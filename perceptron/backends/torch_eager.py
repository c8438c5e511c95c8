"""PyTorch as its tutorials write it: nn.Sequential, a loss module, SGD and autograd.

Several models are trained as its tutorial on ensembles writes that; see `torch_ensemble`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from perceptron.backends.protocol import LadderStep, Trainer, Unsupported
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import OnTorch
from perceptron.backends.shared.torch_data import Pair
from perceptron.backends.shared.torch_trainer import ModuleTrainer, model_of
from perceptron.backends.torch_ensemble import EnsembleTrainer
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


# Devices on which PyTorch's optimizers take all parameters at once unless told otherwise.
_FOREACH = ("cuda", "xpu")


class TorchTrainer(ModuleTrainer):
    """One device is an argument; everything else is the same on all of them."""

    _model: torch.nn.Sequential

    def _start_arrays(self) -> list[Array]:
        return self._problem.start_parameters()

    def _make_parameters(self) -> list[torch.Tensor]:
        self._model = model_of(self._problem, self._dtype, self._device)
        return list(self._model.parameters())

    def _take(self, batches: Iterable[Pair]) -> None:
        model, loss, optimizer = self._model, self._loss, self._optimizer
        for inputs, targets in batches:
            error = loss(model(inputs), targets)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self._model(inputs)
        return outputs

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        model, loss, optimizer = self._model, self._loss, self._optimizer

        def forward(iterations: int) -> None:
            for inputs, _ in self._fed(iterations):
                model(inputs)
            self._synchronize()

        def with_loss(iterations: int) -> None:
            for inputs, targets in self._fed(iterations):
                loss(model(inputs), targets)
            self._synchronize()

        def with_zero_grad(iterations: int) -> None:
            for inputs, targets in self._fed(iterations):
                loss(model(inputs), targets)
                optimizer.zero_grad()
            self._synchronize()

        def with_backward(iterations: int) -> None:
            for inputs, targets in self._fed(iterations):
                error = loss(model(inputs), targets)
                optimizer.zero_grad()
                error.backward()
            self._synchronize()

        return {
            "forward": forward,
            "loss": with_loss,
            "zero_grad": with_zero_grad,
            "backward": with_backward,
        }


class TorchBackend(OnTorch):
    """Eager PyTorch on one device."""

    phased = True
    fused: bool | None = None
    """The option of `torch.optim`; None takes what PyTorch takes."""
    low_precision: tuple[str, ...] = ("bfloat16",)
    trainer: type[ModuleTrainer] = TorchTrainer
    of_several: type[ModuleTrainer] = EnsembleTrainer
    """The trainer of several models."""

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if self.device == "mps" and dtype == "float64":
            raise Unsupported("an MPS device has no float64: use float32")
        return super().prepare(problem, dtype)

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches; see `kernels.trace`.

        On a GPU PyTorch's optimizers take all parameters in one kernel, which they would not on
        the meta device unless told to. A copy of host data stands there as a gather.
        """
        is_gpu = self.device in _FOREACH
        return trace(
            lambda: self._trainer(problem, dtype, "meta", foreach=is_gpu or None),
            counts_host=not is_gpu,
        )

    def _trainer(
        self, problem: Problem, dtype: DType, device: str, foreach: bool | None = None
    ) -> ModuleTrainer:
        kind = self.trainer if problem.models == 1 else self.of_several
        return kind(problem, dtype, device, foreach=foreach, fused=self.fused)


class FusedBackend(TorchBackend):
    """The same with ``fused=True``: a step of the optimizer is one operation on all parameters.

    What that saves is on the ladders of docs/ladder.md; by plain sgd it is nothing.
    """

    phased = False  # its phases are those of the plain one, but for the last
    fused = True

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches, on the CPU: PyTorch fuses nothing on meta."""
        return trace(lambda: self._trainer(problem, dtype, "cpu"))


CPU = TorchBackend(
    "torch-cpu",
    "cpu",
    "PyTorch on the CPU: nn.Sequential, autograd, torch.optim",
    LadderStep("the loader: a batch is gathered by its indices", after="torch-cpu-dataloader"),
    LadderStep("calls for each model: vmap makes one of all", after="torch-cpu-sequential"),
)
CUDA = TorchBackend(
    "torch-cuda",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu",
    LadderStep("the loader: a batch is gathered by its indices", after="torch-cuda-dataloader"),
    LadderStep("launches for each model: vmap makes one of all", after="torch-cuda-sequential"),
)
CPU_FUSED = FusedBackend(
    "torch-cpu-fused",
    "cpu",
    "PyTorch on the CPU: as torch-cpu, with torch.optim's fused=True",
    LadderStep("calls for each parameter: the optimizer is fused", after="torch-cpu"),
)
CUDA_FUSED = FusedBackend(
    "torch-cuda-fused",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu-fused; has never run on one",
    LadderStep("kernels of the optimizer: it is fused into one", after="torch-cuda"),
)
# ROCm's PyTorch calls its devices cuda, so an AMD GPU is a device of `torch-cuda`.
MPS = TorchBackend(
    "torch-mps",
    "mps",
    "PyTorch on Apple's GPU (MPS), otherwise as torch-cpu; has never run on one",
    LadderStep("nothing: as torch-cpu, and a launch for each kernel", after=None),
)
XPU = TorchBackend(
    "torch-xpu",
    "xpu",
    "PyTorch on an Intel GPU (XPU), otherwise as torch-cpu; has never run on one",
    LadderStep("nothing: as torch-cpu, and a launch for each kernel", after=None),
)
