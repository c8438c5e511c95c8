"""What a rank can be asked to do: each method answers one request of the leader."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from perceptron.backends.data_parallel.rank_trainer import RankTrainer
from perceptron.backends.protocol import Evaluation
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Of no trainer of the leader's.
_FIRST = -1


class Member:
    """One of the processes that train together, with its part of every trainer."""

    def __init__(self, rank: int, processes: int, local_rank: int, device: str) -> None:
        self._rank, self._processes = rank, processes
        self._kind = device
        self._device = device if device == "cpu" else f"{device}:{local_rank}"
        self._trainers: dict[int, RankTrainer] = {}

    def join(self, timeout_seconds: float) -> None:
        """Become one of the group: gloo on the CPU, NCCL on GPUs.

        An operation between ranks that takes longer raises, because another has not come to it.
        """
        import torch
        from torch import distributed

        if self._kind != "cpu":
            torch.accelerator.set_device_index(torch.device(self._device).index)
        distributed.init_process_group(
            "gloo" if self._kind == "cpu" else "nccl",
            timeout=timedelta(seconds=timeout_seconds),
        )
        # Pay once what the first training in a process pays: imports, thread pools, connections.
        self.prepare(_FIRST, catalogue.find("or-gate"), "float32")
        self.drop([_FIRST])
        gc.collect()
        gc.freeze()  # what is alive now stays alive: the collector need not look at it again

    def prepare(self, number: int, problem: Problem, dtype: DType) -> None:
        """Make a trainer and warm it up; then it stands at the start."""
        gc.collect()  # reducers of trainers that were dropped
        trainer = RankTrainer(problem, dtype, self._device, self._rank, self._processes)
        self._trainers[number] = trainer
        trainer.train(2)  # the second iteration finds the buckets as they stay
        trainer.reset()

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget these trainers."""
        for number in numbers:
            self._trainers.pop(number, None)

    def train(self, number: int, iterations: int) -> None:
        self._trainers[number].train(iterations)

    def queue(self, number: int, iterations: int) -> None:
        self._trainers[number].queue(iterations)

    def reset(self, number: int) -> None:
        self._trainers[number].reset()

    def evaluate(self, number: int) -> Evaluation:
        return self._trainers[number].evaluate()

    def parameters(self, number: int) -> list[Array]:
        return self._trainers[number].parameters()

    def digest(self, number: int) -> str:
        """Return what parameters of equal bytes have in common."""
        digest = hashlib.sha256()
        for array in self._trainers[number].parameters():
            digest.update(array.tobytes())
        return digest.hexdigest()

    def phase_names(self, number: int) -> list[str]:
        return list(self._trainers[number].phases())

    def phase(self, number: int, name: str, iterations: int) -> None:
        self._trainers[number].phases()[name](iterations)

    def call(self, function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
        """Call a function of a module that can be imported here."""
        return function(*arguments)

    def process_id(self) -> int:
        return os.getpid()
