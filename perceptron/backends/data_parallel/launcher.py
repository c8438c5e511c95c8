"""The program that starts the ranks through torchrun's own API, and ends them with their leader.

Started as ``perceptron.backends.data_parallel.launcher PROCESSES LOGS ADDRESS DEVICE``.
It leaves when its standard input closes, and no rank is left behind then. If a rank fails, it
prints the rank's number and exit code, and ends.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from contextlib import suppress

import psutil

from perceptron import fresh_python

_RANK = "perceptron.backends.data_parallel.rank"
_HOST = "127.0.0.1"
START_SECONDS = 120.0
"""For all ranks to come: each imports PyTorch, which takes seconds."""
# Of the agent, which asks its processes so often whether they are alive: each time takes it about
# a millisecond of a core.
_MONITOR_SECONDS = 2.0
_SECONDS_TO_DIE = 2.0


def main() -> None:
    """Start the ranks, and end when they do or when standard input closes."""
    processes, logs, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_the_leader, args=(logs,), daemon=True).start()
    code = 0
    try:
        _launch(int(processes), logs, arguments)
    except Exception as error:  # noqa: BLE001 whatever it is, the leader reads of it
        message = " ".join(str(error).split())
        print(f"{type(error).__name__}: {message}", file=sys.stderr, flush=True)
        code = 1
    os._exit(code)  # threads of the rendezvous would be waited for


def _launch(processes: int, logs: str, arguments: list[str]) -> None:
    """Start the ranks and wait for their end; print how the first failed, if one does."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.WARNING)  # what the agent thinks of a rank's end is no message
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint=f"{_HOST}:0",
        rdzv_configs={"timeout": int(START_SECONDS), "is_host": True},
        max_restarts=0,
        monitor_interval=_MONITOR_SECONDS,
        local_addr=_HOST,  # else its host's name is looked up, which needs a name service
        logs_specs=DefaultLogsSpecs(log_dir=logs, redirects=Std.ALL),
    )
    try:
        program, *words = fresh_python.command(_RANK, *arguments)
        elastic_launch(config, program)(*words)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(rank, failure.exitcode, flush=True)


def _end_with_the_leader(logs: str) -> None:
    """When standard input closes, end the ranks: one that is stuck hears nothing.

    The leader may have left without removing what they wrote.
    """
    while os.read(0, 4096):
        pass
    ranks = psutil.Process().children(recursive=True)
    for process in ranks:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ranks, timeout=_SECONDS_TO_DIE)  # until then they may write
    shutil.rmtree(logs, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
