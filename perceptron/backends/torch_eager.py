"""PyTorch as its tutorials write it: nn.Sequential, a loss module, SGD and autograd.

Several models are trained as in its tutorial on ensembles, stacked, under vmap:
https://docs.pytorch.org/tutorials/intermediate/ensembling.html. The parameters of all models are
stacked, a module is called with those of a single model, and `torch.func` maps that, and its
gradients, over the stack. It traces the call again in each iteration, in Python, which takes most
of an iteration's time if models are small.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from perceptron.backends.protocol import LadderStep, Trainer, Unsupported
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import DeviceTrainer, Feed, OnTorch, Pair, to_host
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch


Stacked = dict[str, "torch.Tensor"]  # name in the module → values of all models, (models, …)
# Devices on which PyTorch's optimizers take all parameters at once unless told otherwise.
_FOREACH = ("cuda", "xpu")


class ModuleTrainer(DeviceTrainer):
    """A trainer on any device; subclasses compute the gradients.

    ``foreach`` and ``fused`` are options of `torch.optim`: None is PyTorch's default. If not 0,
    ``recorded`` is the number of steps that `torch_cuda_graph` records in a graph.
    """

    def __init__(
        self,
        problem: Problem,
        dtype: DType,
        device: str,
        *,
        foreach: bool | None = None,
        fused: bool | None = None,
        recorded: int = 0,
    ) -> None:
        super().__init__(problem, dtype, device, classes=True)
        if self._batches is not None:
            self.feed = self._make_feed()
        self._start = as_linear([self._put(array) for array in self._start_arrays()])
        self._loss: Any = loss_of(problem.loss)
        self._parameters = self._make_parameters()
        self._optimizer = optimizer_of(
            problem.optimizer,
            self._parameters,
            foreach=foreach,
            fused=fused,
            capturable=bool(recorded) and self._device.type != "cpu",  # PyTorch refuses it there
        )
        if recorded and isinstance(problem.optimizer, Adam):
            self._keep_adam_state()
        self.reset()

    def _start_arrays(self) -> list[Array]:
        """Return the problem's start parameters."""
        raise NotImplementedError

    def _make_parameters(self) -> list[torch.Tensor]:
        """Return the leaf tensors to train, in the layout of `torch.nn.Linear`."""
        raise NotImplementedError

    def _take(self, batches: Iterable[Pair]) -> None:
        """Take a step on each batch."""
        raise NotImplementedError

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the last layer's outputs for inputs, with the present parameters."""
        raise NotImplementedError

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops over iterations; each adds a phase of the iteration to the loop before.

        The last loop is a whole iteration; differences of times are the times of phases. ``batch``
        gathers rows, or copies them; it is absent if every iteration takes all rows.
        """

        def nothing(iterations: int) -> None:
            for _ in repeat(None, iterations):
                pass

        def batch(iterations: int) -> None:
            for _ in self._fed(iterations):
                pass
            self._synchronize()

        return {
            "Python's loop": nothing,
            **({} if self._batches is None else {"batch": batch}),
            **self._phases_of_gradients(),
            "optimizer step": self.train,
        }

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        """Return the loops of `phases` between the batch and the optimizer's step."""
        raise NotImplementedError

    def queue(self, iterations: int) -> None:
        self._take(self._fed(iterations))

    def take_recorded(self, steps: int, batches: Iterable[Pair] | None) -> None:
        """Take ``steps`` steps, on ``batches`` or on all rows, without values from the host.

        The device counts what changes from step to step.
        """
        self._take(
            repeat((self.data.inputs, self.data.targets), steps) if batches is None else batches
        )

    def _keep_adam_state(self) -> None:
        """Make Adam's state as PyTorch does, but with a step count in the parameters' dtype.

        A captured step corrects its bias on the device from the count. PyTorch's is float32, which
        leaves five correct digits: too few for float64.
        """
        import torch

        dtype = torch.promote_types(self._dtype, torch.float32)  # bfloat16 cannot count beyond 256
        for parameter in self._parameters:
            self._optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=dtype, device=self._device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }

    def _make_feed(self) -> Feed:
        return self.data.feed()

    def reset(self) -> None:
        start_again(self._parameters, self._start, self._optimizer)
        self._iteration = 0
        self._synchronize()

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.no_grad():
            return to_host(self._outputs(self._put(inputs)))

    def parameters(self) -> list[Array]:
        return [np.array(to_host(array)) for array in as_linear(self._parameters)]

    def _synchronize(self) -> None:
        self._accelerator.synchronize()


class TorchTrainer(ModuleTrainer):
    """Trains one model by autograd; all devices share the code."""

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
    """Trains several models: each leaf holds a parameter of all models, stacked.

    An optimizer's step is elementwise, so that of one model moves all of them. Data are shared, or
    each model has its own; a batch has the same row numbers in all.
    """

    _stacked: Stacked

    def _start_arrays(self) -> list[Array]:
        return self._problem.stacked_start()

    def _make_parameters(self) -> list[torch.Tensor]:
        from torch.func import functional_call, grad, stack_module_state, vmap

        model = model_of(self._problem, self._dtype, self._device)
        # The same module for each model: its values are overwritten by the start parameters.
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
        # `grad` still records what it needs; without `no_grad` autograd would record it again.
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


def start_again(
    tensors: Iterable[torch.Tensor], start: Iterable[torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Copy the start values into tensors, and zero the optimizer's state, in place.

    Tensors keep their memory, as a CUDA graph needs; with zeros as state the next step is a first.
    """
    import torch

    with torch.no_grad():
        for tensor, start_values in zip(tensors, start, strict=True):
            tensor.copy_(start_values)
        for state in optimizer.state.values():
            for value in state.values():
                if isinstance(value, torch.Tensor):
                    value.zero_()


def as_linear(arrays: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Transpose the weights of [weights 1, bias 1, …]: to `torch.nn.Linear`'s layout or back."""
    return [array if index % 2 else array.mT for index, array in enumerate(arrays)]


def model_of(problem: Problem, dtype: torch.dtype, device: torch.device) -> torch.nn.Sequential:
    """Return a module of a problem's layers, with PyTorch's initial parameters."""
    from torch import nn

    activations: dict[Activation, type[nn.Module]] = {
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
    }
    modules: list[nn.Module] = []
    for fan_in, layer in zip(problem.widths, problem.layers, strict=False):
        modules.append(nn.Linear(fan_in, layer.width, dtype=dtype, device=device))
        if layer.activation != "identity":
            modules.append(activations[layer.activation]())
    return nn.Sequential(*modules)


def optimizer_of(
    optimizer: Optimizer,
    parameters: Iterable[torch.Tensor],
    *,
    foreach: bool | None = None,
    fused: bool | None = None,
    capturable: bool = False,
) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer for a problem's; its SGD can always be captured."""
    import torch

    options: dict[str, Any] = asdict(optimizer)
    options |= {"lr": options.pop("rate"), "foreach": foreach, "fused": fused}
    if isinstance(optimizer, Sgd):
        return torch.optim.SGD(parameters, **options)
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
    return kind(parameters, capturable=capturable, **options)


def loss_of(loss: Loss) -> torch.nn.Module:
    """Return PyTorch's module of this loss."""
    from torch import nn

    if loss == "l1-sum":
        return nn.L1Loss(reduction="sum")
    means: dict[Loss, type[nn.Module]] = {
        "l1-mean": nn.L1Loss,
        "mse": nn.MSELoss,
        "bce": nn.BCELoss,
        "cross-entropy": nn.CrossEntropyLoss,
    }
    return means[loss]()


class TorchBackend(OnTorch):
    """Eager PyTorch on one device."""

    phased = True
    fused: bool | None = None
    """The option of `torch.optim`; None is PyTorch's default."""
    low_precision: tuple[str, ...] = ("bfloat16",)
    trainer: ClassVar[type[ModuleTrainer]] = TorchTrainer
    of_several: ClassVar[type[ModuleTrainer] | None] = EnsembleTrainer

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if self.device == "mps" and dtype == "float64":
            raise Unsupported("an MPS device has no float64: use float32")
        return super().prepare(problem, dtype)

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return the kernels of an iteration; see `kernels.trace`.

        On a GPU PyTorch's optimizers update all parameters in one kernel; on the meta device that
        needs ``foreach``. A copy of host data is traced as a gather.
        """
        is_gpu = self.device in _FOREACH
        return trace(
            lambda: self._trainer(problem, dtype, "meta", foreach=is_gpu or None),
            counts_host=not is_gpu,
        )

    def _trainer(self, problem: Problem, dtype: DType, device: str, **options: Any) -> Any:
        return super()._trainer(problem, dtype, device, fused=self.fused, **options)


class FusedBackend(TorchBackend):
    """Eager PyTorch with ``fused=True``: an optimizer's step is one operation on all parameters.

    docs/ladder.md shows what that saves; nothing for plain sgd.
    """

    phased = False  # its phases are those of `TorchBackend`, except for the last
    fused = True

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return the kernels of an iteration on the CPU: PyTorch fuses nothing on meta."""
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
