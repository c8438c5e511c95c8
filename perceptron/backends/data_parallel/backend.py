"""PyTorch's DistributedDataParallel as a backend: over gloo on the CPU, over NCCL on CUDA GPUs.

Fully sharded data parallel is left out on purpose: the models here fit into one device's memory
many times over, so that sharding their parameters would only add traffic.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from perceptron import optional
from perceptron.backends.accelerators.protocol import Queue, device_type_of
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.data_parallel.world import World, running_world, world_of
from perceptron.backends.protocol import (
    Counterpart,
    Evaluation,
    RankFailed,
    Unsupported,
    thread_variables,
    threads_of_each,
)
from perceptron.backends.shared.evaluation import Scored
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

_T = TypeVar("_T")


class DataParallelBackend:
    """Trains each part of a batch in a process of its own; PyTorch runs in these alone."""

    phased = True
    one_model = True

    def __init__(self, name: str, device: str, summary: str, processes: int = 1) -> None:
        self.name = name if processes == 1 else f"{name}@{processes}"
        self.device = device
        self.summary = summary
        self.processes = processes
        self.accelerator = None if device == "cpu" else RanksAccelerator(device, self)
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
        if self.accelerator is None or self.accelerator.device_type == "cpu":
            return None
        return self.accelerator.unavailable() or _too_few_gpus(self.processes)

    def unprofiled(self) -> str | None:
        return "its kernels run in other processes than the one that is profiled"

    def environment(self, threads: int) -> dict[str, str]:
        """Return the variables of a worker whose ranks have ``threads`` threads together."""
        try:
            threads_each = threads_of_each(self, threads)
        except Unsupported:  # the worker will raise it for its problem
            threads_each = max(1, threads // self.processes)
        return thread_variables(threads_each)

    def prepare(self, problem: Problem, dtype: DType) -> DataParallelTrainer:
        return DataParallelTrainer(self._world(), problem, dtype)

    def call(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        return self._world().ask("call", function, arguments)

    def call_running(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        world = running_world(self.processes, device_type_of(self.device))
        if world is None:
            return []
        try:
            return world.ask("call", function, arguments)
        except (RankFailed, Unsupported):
            return []

    def process_ids(self) -> list[int]:
        return self._world().process_ids()

    def _world(self) -> World:
        """Return the ranks; start them unless they run."""
        return world_of(self.processes, device_type_of(self.device))


class DataParallelTrainer(Scored):
    """One trainer in each rank. Every method raises `RankFailed` if a rank fails."""

    def __init__(self, world: World, problem: Problem, dtype: DType) -> None:
        self._world = world
        self._number = world.next_number()
        weakref.finalize(self, world.drop, self._number)
        world.ask("prepare", self._number, problem, dtype)

    def train(self, iterations: int) -> None:
        """Train in all ranks; return when the last of them is done."""
        self._world.ask("do", self._number, "train", iterations)

    def queue(self, iterations: int) -> None:
        self._world.ask("do", self._number, "queue", iterations)

    def reset(self) -> None:
        self._world.ask("do", self._number, "reset")

    def evaluate(self) -> Evaluation:
        """Return rank 0's evaluation of all rows."""
        evaluation: Evaluation = self._world.ask_first("do", self._number, "evaluate")
        return evaluation

    def parameters(self) -> list[Array]:
        """Return rank 0's parameters. Raises `RankFailed` if another rank's differ."""
        expected, *digests = self._world.ask("digest", self._number)
        for rank, digest in enumerate(digests, start=1):
            if digest != expected:
                raise RankFailed(
                    f"rank {rank} of {self._world.processes} has other parameters than rank 0"
                )
        parameters: list[Array] = self._world.ask_first("do", self._number, "parameters")
        return parameters

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops that run in all ranks; see `RankTrainer.phases`."""
        names: list[str] = self._world.ask_first("phase_names", self._number)
        return {name: partial(self._phase, name) for name in names}

    def _phase(self, name: str, iterations: int) -> None:
        self._world.ask("phase", self._number, name, iterations)


def _too_few_gpus(processes: int) -> str | None:
    import torch

    found_gpus = torch.cuda.device_count()
    if found_gpus >= processes:
        return None
    return f"needs {processes} GPUs, one for each process, and finds {found_gpus}"


class RanksAccelerator(TorchAccelerator):
    """The GPUs of the ranks as one device, driven in the ranks, which hold the memory.

    Work beside training, such as a copy, runs on the first GPU, in this process. Busy seconds are
    unknown: no event on a GPU shows when it waits for another GPU.
    """

    def __init__(self, kind: str, backend: DataParallelBackend) -> None:
        super().__init__(kind)
        self._ranks = backend

    def touch(self) -> None:
        """Start the ranks, each of which starts its GPU."""
        self._ranks.call(_call_gpu_of_rank, self.kind, "touch")

    def reset_peak_memory(self) -> None:
        self._ranks.call(_call_gpu_of_rank, self.kind, "reset_peak_memory")

    def peak_memory(self) -> int | None:
        """Return the sum of the peaks of the ranks' GPUs, in bytes."""
        peaks = self._ranks.call(_call_gpu_of_rank, self.kind, "peak_memory")
        reported = [peak for peak in peaks if peak is not None]
        return sum(reported) if len(reported) == len(peaks) else None

    def free_memory(self) -> int | None:
        """Return the free bytes of the fullest GPU: a training takes as much on each."""
        free = self._ranks.call(_call_gpu_of_rank, self.kind, "free_memory")
        return min((size for size in free if size is not None), default=None)

    def release(self) -> None:
        self._ranks.call_running(_call_gpu_of_rank, self.kind, "release")

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        return None


def _call_gpu_of_rank(kind: str, method: str) -> Any:
    """Call a method of the GPU of this rank."""
    return getattr(TorchAccelerator(kind), method)()


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
