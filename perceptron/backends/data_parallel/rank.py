"""The program that every rank runs: it answers the requests of its leader.

Started by `world` with ``RANK PROCESSES DEVICE CONNECTION``, the last a file descriptor. It exits
at once when its standard input closes, as it does when the leader dies; if the rank is stopped,
Linux ends it.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from perceptron.backends.data_parallel.rank_trainer import RankTrainer
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem

# From linux/prctl.h: the signal that a process gets when the thread that started it ends.
_PR_SET_PDEATHSIG = 1
_HOST = "127.0.0.1"
# A number that no trainer of the leader has.
_FIRST = -1


class Member:
    """One of the processes that train together, with its part of every trainer."""

    def __init__(self, rank: int, processes: int, device: str) -> None:
        self._rank, self._processes = rank, processes
        self._kind = device
        self._device = device if device == "cpu" else f"{device}:{rank}"
        self._trainers: dict[int, RankTrainer] = {}
        self._store: Any = None

    def open_store(self, timeout_seconds: float) -> int | None:
        """Import PyTorch; in rank 0 open the store where the ranks meet, and return its port."""
        from torch import distributed

        if self._rank != 0:
            return None
        # A store that makes its own socket listens on all networks.
        listener = socket.create_server((_HOST, 0))
        port: int = listener.getsockname()[1]
        self._store = distributed.TCPStore(  # type: ignore[attr-defined]
            _HOST,
            port,
            is_master=True,
            timeout=timedelta(seconds=timeout_seconds),
            wait_for_workers=False,
            master_listen_fd=listener.detach(),
        )
        return port

    def join(self, port: int, timeout_seconds: float) -> None:
        """Join the group of ranks at this port: gloo on the CPU, NCCL on GPUs.

        An operation between ranks that takes longer than the timeout raises: a rank is missing.
        """
        import torch
        from torch import distributed

        timeout = timedelta(seconds=timeout_seconds)
        if self._kind != "cpu":
            torch.accelerator.set_device_index(torch.device(self._device).index)
        if self._rank != 0:
            self._store = distributed.TCPStore(  # type: ignore[attr-defined]
                _HOST, port, timeout=timeout
            )
        distributed.init_process_group(
            "gloo" if self._kind == "cpu" else "nccl",
            store=self._store,
            rank=self._rank,
            world_size=self._processes,
            timeout=timeout,
        )
        # Do the one-time work of a process now: imports, thread pools, connections.
        self.prepare(_FIRST, catalogue.find("or-gate"), "float32")
        self.drop([_FIRST])
        gc.collect()
        gc.freeze()  # objects that exist now are never freed: exclude them from collections

    def prepare(self, number: int, problem: Problem, dtype: DType) -> None:
        """Make a trainer, warm it up and reset it."""
        gc.collect()  # reducers of trainers that were dropped
        trainer = RankTrainer(problem, dtype, self._device, self._rank, self._processes)
        self._trainers[number] = trainer
        trainer.train(2)  # the second iteration finds the buckets as they stay
        trainer.reset()

    def drop(self, numbers: Iterable[int]) -> None:
        """Drop these trainers."""
        for number in numbers:
            self._trainers.pop(number, None)

    def do(self, number: int, method: str, *arguments: object) -> Any:
        """Call a method of a trainer."""
        return getattr(self._trainers[number], method)(*arguments)

    def digest(self, number: int) -> str:
        """Return a hash of the parameters' bytes."""
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
    """Answer requests until the leader ends this process, or dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_leave_with_the_leader, daemon=True).start()
    rank, processes, device, connection = sys.argv[1:]
    requests = Connection(int(connection))
    member = Member(int(rank), int(processes), device)
    # Garbage is collected between trainers, never while a training is timed.
    gc.disable()
    while True:
        requests.send(_respond(member, *requests.recv()))


def _leave_with_the_leader() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _respond(
    member: Member, operation: str, arguments: tuple[object, ...], dropped: tuple[int, ...]
) -> tuple[str, Any]:
    """Call a method of the member; return ``done`` and its result, or how it failed and why."""
    try:
        member.drop(dropped)
        return "done", getattr(member, operation)(*arguments)
    except Unsupported as reason:
        return "unsupported", str(reason)
    except (Exception, SystemExit) as error:  # noqa: BLE001 the leader reports it with this rank
        return "raised", f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    main()
