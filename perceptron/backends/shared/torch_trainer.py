"""PyTorch's modules, trained by its own optimizers: what one model and several have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from perceptron.backends.shared.torch_backend import DeviceTrainer, Feed, Pair, to_host
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch


class ModuleTrainer(DeviceTrainer):
    """A trainer on any device; a subclass says where gradients come from.

    ``foreach`` and ``fused`` are those of `torch.optim`: None takes what PyTorch takes. With
    ``recorded`` the trainer is one whose steps `torch_cuda_graph` records, so many at once.
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
        """Return what the parameters are at the start, as the problem has them."""
        raise NotImplementedError

    def _make_parameters(self) -> list[torch.Tensor]:
        """Return the leaf tensors to train, as `torch.nn.Linear` has them."""
        raise NotImplementedError

    def _take(self, batches: Iterable[Pair]) -> None:
        """Take a step on each batch."""
        raise NotImplementedError

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what the present parameters make of inputs."""
        raise NotImplementedError

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops over iterations, each of which ends one iteration phase later than the last.

        The last is a whole iteration; the differences are what each phase takes. ``batch`` is what
        `train` does to get at its rows: a gather, a copy; there is none where it takes them all.
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
        """Take so many steps, on these batches or on all rows, with nothing from the host in them.

        What changes from step to step the device must count itself.
        """
        self._take(
            repeat((self.data.inputs, self.data.targets), steps) if batches is None else batches
        )

    def _keep_adam_state(self) -> None:
        """Make Adam's arrays as it would itself, but count its steps in the parameters' dtype.

        A captured step corrects its bias on the device, from a count that PyTorch makes float32:
        with five digits, which is too few for float64.
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


def start_again(
    tensors: Iterable[torch.Tensor], start: Iterable[torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Put tensors where they started, and the optimizer before its first step.

    Arrays stay where they are, as a graph needs them; from zeros a step is the first.
    """
    import torch

    with torch.no_grad():
        for tensor, first in zip(tensors, start, strict=True):
            tensor.copy_(first)
        for state in optimizer.state.values():
            for value in state.values():
                if isinstance(value, torch.Tensor):
                    value.zero_()


def as_linear(arrays: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return [weights 1, bias 1 …] with weights as `torch.nn.Linear` keeps them: transposed.

    What is so already comes back as a problem has it.
    """
    return [array if index % 2 else array.mT for index, array in enumerate(arrays)]


def model_of(problem: Problem, dtype: torch.dtype, device: torch.device) -> torch.nn.Sequential:
    """Return the layers of a problem with parameters of PyTorch's choice."""
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
    """Return PyTorch's own optimizer of this description; its SGD can always be captured."""
    import torch

    options: dict[str, Any] = asdict(optimizer)
    options |= {"lr": options.pop("rate"), "foreach": foreach, "fused": fused}
    if isinstance(optimizer, Sgd):
        return torch.optim.SGD(parameters, **options)
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
    return kind(parameters, capturable=capturable, **options)


def loss_of(loss: Loss) -> torch.nn.Module:
    """Return PyTorch's own module of this loss."""
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
