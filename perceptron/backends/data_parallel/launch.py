"""Start a launcher on each node, and accept the connections of its ranks."""

from __future__ import annotations

import os
import queue
import secrets
import socket
import sys
import threading
import time
import uuid
from contextlib import closing, suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path

import msgspec

from perceptron.backends.data_parallel.launcher import Failure, Plan, Report
from perceptron.backends.data_parallel.messages import KEY, Hello
from perceptron.backends.data_parallel.nodes import ADDRESS, Layout, layout
from perceptron.backends.protocol import RankFailed, thread_variables
from perceptron.machine import THREAD_VARIABLES, usable_cores
from perceptron.supervision import ChildProcess, describe_exit, end_all

START_SECONDS = 120.0
"""For all ranks to come: each imports PyTorch, which takes seconds."""
_LAUNCHER = "perceptron.backends.data_parallel.launcher"
_SECONDS_TO_LEAVE = 5.0
_LINE_SECONDS = 2.0
_LOOK_SECONDS = 0.1


def launch(processes: int, device: str) -> Launched:
    """Start so many ranks, which have not come yet.

    Raises `UserError` if they cannot be shared out over the nodes, and `RankFailed` if nothing can
    be started there or no rank could connect.
    """
    where = layout(processes)
    key = secrets.token_bytes(32)
    run = uuid.uuid4().hex
    try:
        # A port of the node that the others know before it is taken: of one node the system
        # chooses it.
        port = 0 if len(where.prefixes) == 1 else _free_port(where.address)
        door = _Door(where.address, 2 * processes, key)
    except OSError as error:
        raise RankFailed(
            f"cannot listen at {where.address}, the address of this node ({error}): "
            f"set {ADDRESS} to one that it has"
        ) from None
    launchers: list[ChildProcess] = []
    for node, prefix in enumerate(where.prefixes):
        plan = Plan(
            node=node,
            nodes=len(where.prefixes),
            processes_per_node=where.processes_per_node,
            endpoint=f"{where.address}:{port}",
            run=run,
            leader=door.address,
            device=device,
            timeout_seconds=START_SECONDS,
        )
        told = msgspec.json.encode(plan).decode()
        command = [*prefix, sys.executable, "-m", _LAUNCHER, told]
        try:
            launchers.append(ChildProcess(command, _environment(where, key), own_group=True))
        except OSError as error:
            end_all(launchers)
            door.close()
            raise RankFailed(f"the processes cannot be started by {command[0]}: {error}") from None
    return Launched(processes, door, launchers)


def _environment(where: Layout, key: bytes) -> dict[str, str]:
    """Return the environment of ranks: ours; threads for each where nobody has set them."""
    ours = str(Path(__file__).parents[3])  # so that a bare checkout's ranks find it too
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    threads = thread_variables(max(1, usable_cores() // where.processes_per_node))
    missing = {name: threads[name] for name in THREAD_VARIABLES if name not in os.environ}
    return os.environ | missing | {"PYTHONPATH": path, KEY: key.hex()}


def _free_port(address: str) -> int:
    with closing(socket.create_server((address, 0))) as server:
        port: int = server.getsockname()[1]
    return port


class Launched:
    """Launchers, and the ranks that have come."""

    def __init__(self, processes: int, door: _Door, launchers: list[ChildProcess]) -> None:
        self._processes = processes
        self._door = door
        self._launchers = launchers
        self._lifelines: list[Connection] = []
        self.requests: list[Connection] = []
        """The connections on which ranks are asked, by their rank."""
        self.hellos: list[Hello] = []
        """What each rank said of itself, by its rank."""

    def wait_for_ranks(self) -> None:
        """Return when all ranks have come. Raises `RankFailed` if one does not."""
        came: dict[int, tuple[Connection, Hello]] = {}
        until = time.monotonic() + START_SECONDS
        while len(came) < self._processes or len(self._lifelines) < self._processes:
            with suppress(queue.Empty):
                connection, hello = self._door.arrivals.get(timeout=_LOOK_SECONDS)
                if hello.connection == "lifeline":
                    self._lifelines.append(connection)
                else:
                    came[hello.rank] = (connection, hello)
                continue
            if any(launcher.has_ended for launcher in self._launchers):
                raise RankFailed(self._why_not_started())
            if time.monotonic() > until:
                raise RankFailed(
                    f"{len(came)} of {self._processes} processes came within {START_SECONDS:g} s"
                )
        self._door.close()
        self.requests = [came[rank][0] for rank in range(self._processes)]
        self.hellos = [came[rank][1] for rank in range(self._processes)]

    def _why_not_started(self) -> str:
        for failure in self.failures(_LINE_SECONDS):
            ended = describe_exit(failure.exit)
            return f"rank {failure.rank} of {self._processes} {ended}: {failure.line}"
        for launcher in self._launchers:
            if launcher.has_ended:
                said = launcher.last_message() or "no message"
                return f"what starts the processes {describe_exit(launcher.wait())}: {said}"
        return "the processes ended before they came"

    def failures(self, timeout_seconds: float) -> tuple[Failure, ...]:
        """Return how the launchers say that ranks failed; () if none does within the time."""
        until = time.monotonic() + timeout_seconds
        open_launchers = list(self._launchers)
        while open_launchers:
            for launcher in list(open_launchers):
                try:
                    line = launcher.read_line(_LOOK_SECONDS)
                except TimeoutError:
                    continue
                if line is None:
                    open_launchers.remove(launcher)
                elif failures := msgspec.json.decode(line, type=Report).failures:
                    return failures
            if time.monotonic() > until:
                break
        return ()

    def last_line(self, rank: Hello) -> str:
        """Return the last line that a rank wrote on standard error; "" if it is not known."""
        launcher = self._launchers[rank.node]
        launcher.send(b"lines")
        with suppress(TimeoutError):
            if line := launcher.read_line(_LINE_SECONDS):
                lines = msgspec.json.decode(line, type=Report).lines
                return lines[rank.local_rank] if rank.local_rank < len(lines) else ""
        return ""

    def end(self) -> None:
        """Close all connections, at which ranks leave, and see that launchers do."""
        self._door.close()
        for connection in (*self._lifelines, *self.requests):
            connection.close()
        end_all(self._launchers, _SECONDS_TO_LEAVE)


class _Door:
    """Where ranks connect: a socket that is listened at until so many connections have come."""

    def __init__(self, address: str, wanted: int, key: bytes) -> None:
        self._listener = Listener((address, 0), backlog=wanted, authkey=key)
        self._is_open = True
        host, port = self._listener.address
        self.address = (str(host), int(port))
        self.arrivals: queue.SimpleQueue[tuple[Connection, Hello]] = queue.SimpleQueue()
        threading.Thread(target=self._accept, args=(wanted,), daemon=True).start()

    def _accept(self, wanted: int) -> None:
        came = 0
        while self._is_open and came < wanted:
            # Whoever has not the key is refused, and costs nobody else a place.
            with suppress(Exception):
                connection = self._listener.accept()
                self.arrivals.put((connection, connection.recv()))
                came += 1
        self._listener.close()

    def close(self) -> None:
        """Let nobody in any more."""
        if self._is_open:
            self._is_open = False
            with suppress(OSError):  # wakes who waits there, unless all have come
                socket.create_connection(self.address, timeout=1.0).close()
