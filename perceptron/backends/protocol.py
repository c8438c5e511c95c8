"""What a backend promises. Everything else in the suite relies on these two protocols alone."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


class Trainer(Protocol):
    """A problem made ready on a device. Nothing but `train` is ever timed."""

    def train(self, iterations: int) -> None:
        """Take this many steps of full-batch gradient descent: THE timed call.

        Returns only when the work is done, not when it is queued. Training goes on from where it
        stands: ``train(500)`` twice leaves what ``train(1000)`` leaves.
        """

    def reset(self) -> None:
        """Go back to the start parameters; returns when done."""

    def loss(self) -> float:
        """The loss at the present parameters, as `Problem` defines it."""

    def parameters(self) -> list[Array]:
        """Copies of the present parameters: [weights 1 (fan in, fan out), bias 1 (fan out,), …]."""


@runtime_checkable
class Backend(Protocol):
    """A way to train. Making one is free: heavy imports stay inside the methods.

    A backend may also list, as ``imports``, the modules that `prepare` will need. A worker imports
    them beforehand, so that the import does not count as preparing. One that sets ``compiles``
    is not warmed up on another problem: what it compiles counts as preparing. ``kernels(problem,
    dtype)`` lists what an iteration dispatches, where that can be told (see `kernels.trace`).
    """

    name: str
    device: str
    summary: str

    def unavailable(self) -> str | None:
        """Why this backend cannot run here, in one line, or None. Cheap."""

    def environment(self, threads: int) -> dict[str, str]:
        """Variables that a worker process must be started with to use this many threads."""

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        """Allocate, copy to the device, compile, warm up; then stand at the start parameters.

        Not part of a training's time: it is measured apart. Raises `Unsupported` for a problem
        that this backend cannot train.
        """


class Unsupported(Exception):
    """This backend cannot train this problem; the message is the reason, in one line."""
