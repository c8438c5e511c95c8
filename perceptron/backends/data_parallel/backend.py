"""PyTorch's DistributedDataParallel as a backend: over gloo on the CPU, over NCCL on CUDA GPUs.

Fully sharded data parallel is left out on purpose: the models here fit into one device's memory
many times over, so that sharding their parameters would only add traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from perceptron import optional
from perceptron.backends.accelerators.stand_in import place_of
from perceptron.backends.data_parallel.accelerator import RanksAccelerator
from perceptron.backends.data_parallel.nodes import layout
from perceptron.backends.data_parallel.trainer import DataParallelTrainer
from perceptron.backends.data_parallel.world import running_world, world_of
from perceptron.backends.protocol import (
    Counterpart,
    RankFailed,
    Unsupported,
    threads_of_each,
)
from perceptron.backends.shared.threads import thread_variables
from perceptron.errors import UserError
from perceptron.problems.problem import DType, Problem

_T = TypeVar("_T")


class DataParallelBackend:
    """A process for each part of a batch, started by torchrun; PyTorch runs in these alone."""

    phased = True

    def __init__(self, name: str, device: str, summary: str, processes: int = 1) -> None:
        self.name = name if processes == 1 else f"{name}@{processes}"
        self.device = device
        self.summary = summary
        self.processes = processes
        self.ranks = RanksOf(processes, device)
        self.accelerator = None if device == "cpu" else RanksAccelerator(device, self.ranks)
        self._alone = name
        library = "gloo" if device == "cpu" else "NCCL"
        self.counterpart = Counterpart(
            f"torch-{device}",
            removes="DDP: hooks, and copies of gradients into buckets and out of them",
            partners=f"partners: all-reduce over {library}, and waiting for each other",
        )

    def over(self, processes: int) -> DataParallelBackend:
        return DataParallelBackend(self._alone, self.device, self.summary, processes)

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is not None:
            return reason
        try:
            needed = layout(self.processes).processes_per_node
        except UserError as error:  # nodes that cannot share the processes
            return str(error)
        if self.accelerator is None or self.accelerator.place == "cpu":
            return None
        return self.accelerator.unavailable() or _too_few_gpus(needed)

    def unprofiled(self) -> str | None:
        """Return why its kernels cannot be listed by a profiler."""
        return "its kernels run in other processes than the one that is profiled"

    def environment(self, threads: int) -> dict[str, str]:
        """Return the variables of a worker whose ranks have so many threads together."""
        try:
            each = threads_of_each(self, threads)
        except Unsupported:  # as the worker will say of the problem that it is given
            each = max(1, threads // self.processes)
        return thread_variables(each)

    def prepare(self, problem: Problem, dtype: DType) -> DataParallelTrainer:
        world = world_of(self.processes, place_of(self.device))
        return DataParallelTrainer(world, problem, dtype)


def _too_few_gpus(needed: int) -> str | None:
    import torch

    there = torch.cuda.device_count()
    if there >= needed:
        return None
    return f"needs {needed} GPUs, one for each process, and finds {there}"


class RanksOf:
    """The ranks of a backend; see `protocol.Ranks`."""

    def __init__(self, processes: int, device: str) -> None:
        self._processes, self._device = processes, device

    def call(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        return world_of(self._processes, place_of(self._device)).ask("call", function, arguments)

    def call_running(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        world = running_world(self._processes, place_of(self._device))
        if world is None:
            return []
        try:
            return world.ask("call", function, arguments)
        except (RankFailed, Unsupported):
            return []

    def on_each_node(self) -> int:
        return layout(self._processes).processes_per_node

    def process_ids(self) -> list[int] | None:
        return world_of(self._processes, place_of(self._device)).process_ids()


CPU = DataParallelBackend(
    "torch-ddp",
    "cpu",
    "PyTorch's DistributedDataParallel over gloo: torch-cpu on each process's part of a batch",
)
CUDA = DataParallelBackend(
    "torch-ddp-cuda",
    "cuda",
    "DistributedDataParallel over NCCL, a GPU for each process; has never run on one",
)
