"""The program that every rank runs: it connects to its leader, and does what it is asked.

Started by `launcher` with ``ADDRESS DEVICE`` and the variables that torchrun sets. It leaves when
its leader closes the connection, as it also does by dying. Whatever a rank is at then, its launcher
ends it; if that dies, Linux does.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from multiprocessing.connection import Client
from typing import Any

from perceptron.backends.data_parallel.rank_trainer import RankTrainer
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem

# From linux/prctl.h: the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
# Of no trainer of the leader's.
_FIRST = -1


class Member:
    """One of the processes that train together, with its part of every trainer."""

    def __init__(self, rank: int, processes: int, device: str) -> None:
        self._rank, self._processes = rank, processes
        self._kind = device
        self._device = device if device == "cpu" else f"{device}:{rank}"
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

    def do(self, number: int, method: str, *arguments: object) -> Any:
        """Call a method of a trainer."""
        return getattr(self._trainers[number], method)(*arguments)

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


def main() -> None:
    """Serve requests until the leader closes the connection."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    address, device = sys.argv[1:]
    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    requests = Client(address, "AF_UNIX")
    requests.send((rank, os.getpid()))
    member = Member(rank, processes, device)
    # Python's collector stays out of what is timed: a member collects between trainers.
    gc.disable()
    while True:
        try:
            requests.send(_answer(member, *requests.recv()))
        except (EOFError, OSError):
            os._exit(0)


def _answer(
    member: Member, operation: str, arguments: tuple[object, ...], dropped: tuple[int, ...]
) -> tuple[str, Any]:
    """Call a method of the member; return ``done``, ``unsupported`` or ``raised``, and what."""
    try:
        member.drop(dropped)
        return "done", getattr(member, operation)(*arguments)
    except Unsupported as reason:
        return "unsupported", str(reason)
    except Exception as error:  # noqa: BLE001 whatever it is, the leader says it of this rank
        return "raised", f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    main()
