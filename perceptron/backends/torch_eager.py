"""PyTorch as its tutorials write it: nn.Sequential, a loss module, SGD and autograd.

Several models are trained as its tutorial on ensembles writes that, stacked, under vmap:
https://docs.pytorch.org/tutorials/intermediate/ensembling.html. The parameters of all models are
stacked, a module is called with those of one, and `torch.func` makes the gradients of all of that.
It traces the call again in each iteration, in Python, which is most of an iteration's time where
models are small.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from perceptron.backends.protocol import LadderStep, Trainer, Unsupported
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import OnTorch, Pair
from perceptron.backends.shared.torch_trainer import ModuleTrainer, model_of
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


Stacked = dict[str, "torch.Tensor"]  # name in the module → values of all models, (models, …)
# Devices on which PyTorch's optimizers take all parameters at once unless told otherwise.
_FOREACH = ("cuda", "xpu")


class TorchTrainer(ModuleTrainer):
    """One device is an argument; everything else is the same on all of them."""

    _model: torch.nn.Module

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


class EnsembleTrainer(ModuleTrainer):
    """Parameters are leaves of which each holds the values of all models.

    So an optimizer of one model moves all of them: what it does to a value depends on no other.
    Data are shared, or each model has its own; a batch is the same rows of all.
    """

    _stacked: Stacked

    def _start_arrays(self) -> list[Array]:
        return self._problem.stacked_start()

    def _make_parameters(self) -> list[torch.Tensor]:
        from torch.func import functional_call, grad, stack_module_state, vmap

        model = model_of(self._problem, self._dtype, self._device)
        # The same module for each: its values are overwritten by the start.
        self._stacked, _ = stack_module_state([model] * self._problem.models)
        # A module without values, as in the tutorial: only its layers are needed.
        base, loss = copy.deepcopy(model).to("meta"), self._loss

        def outputs(parameters: Stacked, inputs: torch.Tensor) -> torch.Tensor:
            values: torch.Tensor = functional_call(base, parameters, (inputs,))
            return values

        def error(parameters: Stacked, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            value: torch.Tensor = loss(outputs(parameters, inputs), targets)
            return value

        of_data = 0 if self._problem.folds else None
        self._outputs_of: Callable[..., torch.Tensor] = vmap(outputs, in_dims=(0, of_data))
        self._gradients_of: Callable[..., Stacked] = vmap(
            grad(error), in_dims=(0, of_data, of_data)
        )
        return list(self._stacked.values())

    def _take(self, batches: Iterable[Pair]) -> None:
        import torch

        stacked, gradients_of, optimizer = self._stacked, self._gradients_of, self._optimizer
        # `grad` records what it needs all the same; without this autograd records that once more.
        with torch.no_grad():
            for inputs, targets in batches:
                gradients = gradients_of(stacked, inputs, targets)
                for name, parameter in stacked.items():
                    parameter.grad = gradients[name]
                optimizer.step()

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._outputs_of(self._stacked, inputs)

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        import torch

        stacked, gradients_of = self._stacked, self._gradients_of

        def gradients(iterations: int) -> None:
            with torch.no_grad():
                for inputs, targets in self._fed(iterations):
                    gradients_of(stacked, inputs, targets)
            self._synchronize()

        return {"forward, loss and backward under vmap": gradients}


class TorchBackend(OnTorch):
    """Eager PyTorch on one device."""

    phased = True
    fused: bool | None = None
    """The option of `torch.optim`; None takes what PyTorch takes."""
    low_precision: tuple[str, ...] = ("bfloat16",)
    trainer = TorchTrainer
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
