"""A backend that PyTorch drives on one device: what all of them have in common."""

from __future__ import annotations

from typing import Any

from perceptron import optional
from perceptron.backends.accelerators.protocol import place
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.problems.problem import DType, Problem


class OnTorch:
    """Subclasses make the trainer; the device is an argument."""

    imports: tuple[str, ...] = ("torch",)

    def __init__(
        self,
        name: str,
        device: str,
        summary: str,
        rung: LadderStep | None = None,
        rung_of_models: LadderStep | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self.summary = summary
        self.rung = rung
        self.rung_of_models = rung_of_models
        self.accelerator = None if device == "cpu" else TorchAccelerator(device)

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is not None or self.accelerator is None:
            return reason
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        trainer: Trainer = self._trainer(problem, dtype, place(self))
        trainer.train(2)  # warm up: thread pool, context, first kernels
        trainer.reset()
        return trainer

    def _trainer(self, problem: Problem, dtype: DType, device: str) -> Any:
        """Return the trainer, not warmed up, on what PyTorch calls the device."""
        raise NotImplementedError
