"""PyTorch as its tutorials write it: nn.Sequential, a loss module, SGD and autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from perceptron import optional
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import Evaluation, LadderStep, Unsupported
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.shared.torch_data import TrainingData, tensor
from perceptron.backends.shared.torch_devices import device_unavailable
from perceptron.backends.shared.torch_feed import Feed, Pair
from perceptron.backends.shared.torch_modules import loss_of, model_of, optimizer_of
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem
from perceptron.rehearsal import device_here

if TYPE_CHECKING:
    import torch


# Devices on which PyTorch's optimizers take all parameters at once unless told otherwise.
_FOREACH = ("cuda", "xpu")


class TorchTrainer:
    """One device is an argument; everything else is the same on all of them.

    A batch of ``resident`` data is gathered on the device by its indices. Of ``host`` data it is
    gathered in host memory and, on a GPU, copied from there; see `torch_feed.FromHost`.

    ``foreach`` is that of `torch.optim`: None takes what PyTorch takes. With ``recorded`` the
    trainer is one whose steps `torch_recorded` records, so many at once.
    """

    def __init__(
        self,
        problem: Problem,
        dtype: DType,
        device: str,
        *,
        foreach: bool | None = None,
        recorded: int = 0,
    ) -> None:
        import torch

        # TF32 products have 10 bits of mantissa: faster, and not what was asked for.
        torch.set_float32_matmul_precision("highest")
        self._problem = problem
        self._device = torch.device(device)
        self._dtype = getattr(torch, dtype)
        self._accelerator = TorchAccelerator(self._device.type)
        self.data = TrainingData(problem, self._dtype, self._device, classes=True)
        self._batches, self._iteration = problem.batches, 0
        if self._batches is not None:
            self.feed = self._make_feed(max(1, recorded))
        self._start = [self._tensor(array) for array in problem.start_parameters()]
        self._model = model_of(problem, self._dtype, self._device)
        self._loss = loss_of(problem.loss)
        self._optimizer = optimizer_of(
            problem.optimizer,
            self._model.parameters(),
            foreach=foreach,
            capturable=bool(recorded) and self._device.type != "cpu",  # PyTorch refuses it there
        )
        if recorded and isinstance(problem.optimizer, Adam):
            self._keep_adam_state()
        self.reset()

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        self._synchronize()

    def queue(self, iterations: int) -> None:
        """Train without waiting for the device."""
        self._take(self._fed(iterations))

    def _take(self, batches: Iterable[Pair]) -> None:
        """Take a step on each batch."""
        model, loss, optimizer = self._model, self._loss, self._optimizer
        for inputs, targets in batches:
            error = loss(model(inputs), targets)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()

    def take_recorded(self, steps: int, batches: Iterable[Pair] | None) -> None:
        self._take(
            repeat((self.data.inputs, self.data.targets), steps) if batches is None else batches
        )

    @property
    def host_values(self) -> list[torch.Tensor]:
        states = self._optimizer.state.values() if self._device.type == "cpu" else ()
        return [state["step"] for state in states if "step" in state]

    def _keep_adam_state(self) -> None:
        """Make Adam's arrays as it would itself, but count its steps in the parameters' dtype.

        A captured step corrects its bias on the device, from a count that PyTorch makes float32:
        with five digits, which is too few for float64.
        """
        import torch

        for parameter in self._model.parameters():
            self._optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=self._dtype, device=self._device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }

    def _fed(self, iterations: int) -> Iterator[Pair]:
        """Return inputs and targets of the next iterations, each made when its turn comes."""
        if self._batches is None:
            return repeat((self.data.inputs, self.data.targets), iterations)
        return self._taken(self._batches, iterations)

    def _taken(self, batches: Batches, iterations: int) -> Iterator[Pair]:
        feed = self.feed
        for begin, end in batches.spans(self._iteration, iterations):
            yield feed(begin, end)
        self._iteration += iterations

    def _make_feed(self, at_once: int) -> Feed:
        return self.data.feed(at_once)

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops over iterations, each of which ends one iteration phase later than the last.

        The last is a whole iteration; the differences are what each phase takes. ``batch`` is what
        `train` does to get at its rows: a gather, a copy; there is none where it takes them all.
        """
        model, loss, optimizer = self._model, self._loss, self._optimizer

        def nothing(iterations: int) -> None:
            for _ in repeat(None, iterations):
                pass

        def batch(iterations: int) -> None:
            for _ in self._fed(iterations):
                pass
            self._synchronize()

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
            "Python's loop": nothing,
            **({} if self._batches is None else {"batch": batch}),
            "forward": forward,
            "loss": with_loss,
            "zero_grad": with_zero_grad,
            "backward": with_backward,
            "optimizer step": self.train,
        }

    def reset(self) -> None:
        import torch

        with torch.no_grad():
            for parameter, start in zip(self._model.parameters(), self._start, strict=True):
                # nn.Linear keeps weights as (fan out, fan in).
                parameter.copy_(start.T if start.ndim == 2 else start)
            # From zeros a step is the first; the arrays stay where they are, as a graph needs them.
            for state in self._optimizer.state.values():
                for value in state.values():
                    if isinstance(value, torch.Tensor):
                        value.zero_()
        self._iteration = 0
        self._synchronize()

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        return evaluate(self._problem, self._predict)

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.no_grad():
            outputs: Array = self._model(self._tensor(inputs)).cpu().numpy()
        return outputs

    def parameters(self) -> list[Array]:
        arrays = [parameter.detach().cpu().numpy() for parameter in self._model.parameters()]
        return [np.array(array.T if array.ndim == 2 else array) for array in arrays]

    def _tensor(self, array: Array) -> torch.Tensor:
        return tensor(array, self._dtype, self._device)

    def _synchronize(self) -> None:
        self._accelerator.synchronize()


class TorchBackend:
    """Eager PyTorch on one device."""

    imports: tuple[str, ...] = ("torch",)
    phased = True
    trainer: type[TorchTrainer] = TorchTrainer

    def __init__(self, name: str, device: str, summary: str, rung: LadderStep) -> None:
        self.name = name
        self.device = device
        self.summary = summary
        self.rung = rung
        self.accelerator = None if device == "cpu" else TorchAccelerator(device)

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is None and self.device != "cpu":
            return device_unavailable(self.device)
        return reason

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> TorchTrainer:
        if self.device == "mps" and dtype == "float64":
            raise Unsupported("an MPS device has no float64: use float32")
        trainer = self.trainer(problem, dtype, device_here(self.device))
        trainer.train(2)  # warm up: thread pool, context, first kernels
        trainer.reset()
        return trainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches; see `kernels.trace`.

        On a GPU PyTorch's optimizers take all parameters in one kernel, which they would not on
        the meta device unless told to. A copy of host data stands there as a gather.
        """
        is_gpu = self.device in _FOREACH
        return trace(
            lambda: self.trainer(problem, dtype, "meta", foreach=is_gpu or None),
            counts_host=not is_gpu,
        )


CPU = TorchBackend(
    "torch-cpu",
    "cpu",
    "PyTorch on the CPU: nn.Sequential, autograd, torch.optim",
    LadderStep("the loader: a batch is gathered by its indices", after="torch-cpu-dataloader"),
)
CUDA = TorchBackend(
    "torch-cuda",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu",
    LadderStep("the loader: a batch is gathered by its indices", after="torch-cuda-dataloader"),
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
