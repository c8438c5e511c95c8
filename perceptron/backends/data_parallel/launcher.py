"""The program that starts a node's ranks through torchrun's own API, one on each node.

Started as ``python -m perceptron.backends.data_parallel.launcher PLAN``. It leaves when its
standard input closes, and no rank of its node is left behind then. On a line of standard input it
tells the last line of each rank; when a rank fails it tells how, and ends.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from perceptron.backends.data_parallel.nodes import address_towards

_RANK = "perceptron.backends.data_parallel.rank"
# Of the agent, which asks its processes so often whether they are alive: each time takes it about
# a millisecond of a core, and of a search sixteen of them stay.
_MONITOR_SECONDS = 2.0
_TAIL_BYTES = 65_536


class Plan(Struct, frozen=True, kw_only=True):
    """What a node's launcher is told."""

    node: int
    """Its number; the rendezvous is held on node 0."""
    nodes: int
    processes_per_node: int
    endpoint: str
    """Address and port of the rendezvous."""
    run: str
    """What names the run at its rendezvous."""
    leader: tuple[str, int]
    """Address and port at which the ranks' leader listens."""
    device: str
    timeout_seconds: float
    """Time-out of the rendezvous."""


class Failure(Struct, frozen=True):
    """How a rank ended: its exit code, minus the number of a signal, and its last line."""

    rank: int
    exit: int
    line: str


class Report(Struct, frozen=True, omit_defaults=True):
    """A line of standard output."""

    failures: tuple[Failure, ...] = ()
    """Ranks that ended without leaving, the first to fail first."""
    lines: tuple[str, ...] = ()
    """The last line of each rank of this node, by its local number."""


def main() -> None:
    """Start the ranks, and end when they do or when standard input closes."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    logs = Path(tempfile.mkdtemp(prefix="perceptron-ranks-"))
    threading.Thread(target=_listen, args=(plan, logs), daemon=True).start()
    code = 0
    try:
        failures = _launch(plan, logs)
        if failures:
            _tell(Report(failures=failures))
            code = 1
    except Exception as error:  # noqa: BLE001 whatever it is, the leader reads of it
        print(
            f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr, flush=True
        )
        code = 1
    shutil.rmtree(logs, ignore_errors=True)
    os._exit(code)  # threads of the rendezvous would be waited for


def _launch(plan: Plan, logs: Path) -> tuple[Failure, ...]:
    """Start the ranks of this node and wait for their end; return how those ended that failed."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.WARNING)  # what the agents think of each other's end is no message
    address = plan.endpoint.rpartition(":")[0]
    config = LaunchConfig(
        min_nodes=plan.nodes,
        max_nodes=plan.nodes,
        nproc_per_node=plan.processes_per_node,
        run_id=plan.run,
        rdzv_backend="c10d",
        rdzv_endpoint=plan.endpoint,
        rdzv_configs={"timeout": int(plan.timeout_seconds), "is_host": plan.node == 0},
        max_restarts=0,
        monitor_interval=_MONITOR_SECONDS,
        # Else the agent would look its own host up by name, which a machine without DNS cannot.
        local_addr=address if plan.node == 0 else address_towards(address),
        logs_specs=DefaultLogsSpecs(log_dir=str(logs), redirects=Std.ALL),
    )
    host, port = plan.leader
    arguments = (host, str(port), str(plan.node), plan.device)
    try:
        elastic_launch(config, sys.executable)("-m", _RANK, *arguments)
    except ChildFailedError as error:
        first, _ = error.get_first_failure()
        failures = sorted(error.failures.items(), key=lambda item: item[0] != first)
        return tuple(
            Failure(rank, failure.exitcode, _last_line(logs, failure.local_rank))
            for rank, failure in failures
        )
    return ()


def _listen(plan: Plan, logs: Path) -> None:
    """Answer each line of standard input with the ranks' last lines; when it closes, end them.

    They hold nothing that would have to be put away, and one that is stuck hears nothing.
    """
    while os.read(0, 4096):
        ranks = range(plan.processes_per_node)
        _tell(Report(lines=tuple(_last_line(logs, rank) for rank in ranks)))
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    shutil.rmtree(logs, ignore_errors=True)
    os._exit(0)


def _last_line(logs: Path, local_rank: int) -> str:
    """Return the last line that a rank wrote on standard error, "" if there is none."""
    for file in logs.glob(f"*/attempt_*/{local_rank}/stderr.log"):
        lines = file.read_bytes()[-_TAIL_BYTES:].decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""


def _tell(report: Report) -> None:
    with suppress(OSError):  # the reader has gone
        os.write(1, msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    main()
