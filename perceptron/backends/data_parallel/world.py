"""The ranks of one world: started on each node, asked all at once, ended whatever becomes of them.

Starting a world takes seconds, so it stays for the trainers to come. When a rank has failed nothing
is to be expected of the others, which may wait for it: the world is ended, and the next is fresh.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pickle
import queue
import secrets
import socket
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection, Listener, wait
from pathlib import Path
from typing import Any

import msgspec

from perceptron.backends.data_parallel.launcher import Failure, Plan, Report
from perceptron.backends.data_parallel.messages import KEY, Hello, Raised, Request, host_identity
from perceptron.backends.data_parallel.nodes import ADDRESS, Layout, layout
from perceptron.backends.protocol import RankFailed, Unsupported, thread_variables
from perceptron.machine import THREAD_VARIABLES, usable_cores
from perceptron.supervision import ChildProcess, describe_exit, end_all

START_SECONDS = 120.0
"""For all ranks to come: each imports PyTorch, which takes seconds."""
_LAUNCHER = "perceptron.backends.data_parallel.launcher"
_SECONDS_TO_LEAVE = 5.0
_LINE_SECONDS = 2.0
_LOOK_SECONDS = 0.1
# A study waits 180 s for a worker. Each of these is less, so that the reason names the rank.
EXCHANGE_SECONDS = 60.0
"""How long ranks wait for each other: beyond, one of them hangs."""
ANSWER_SECONDS = 150.0
"""How long the leader waits for all ranks."""
# After the first bad news: a rank that died is known at once, and those that waited for it say so.
_GRACE_SECONDS = 2.0
# The agent looks every two seconds.
_REPORT_SECONDS = 8.0
# Said by ranks of which another did not come, or went away.
_OF_OTHERS = ("gloo", "NCCL", "Dist", "Connection closed by peer", "Connection reset by peer")


class World:
    """Ranks that are there, joined in one group. Raises `RankFailed` if they do not come."""

    def __init__(self, processes: int, device: str) -> None:
        self.processes = processes
        self._numbers = itertools.count()
        self._dropped: list[int] = []
        self.has_ended = False
        """Whether nothing can be asked of it any more."""
        self._ranks: list[tuple[Connection, Hello]] = []
        """The connection on which each rank is asked, and what it said of itself."""
        self._door, self._launchers = launch(processes, device)
        try:
            self._ranks = self._wait_for_ranks()
            self.ask("join", EXCHANGE_SECONDS)
        except BaseException:
            self.end()
            raise

    def next_number(self) -> int:
        """Return a number for a trainer."""
        return next(self._numbers)

    def drop(self, number: int) -> None:
        """Have the ranks forget a trainer, with what they are asked next."""
        self._dropped.append(number)

    def process_ids(self) -> list[int] | None:
        """Return the numbers of the ranks' processes; None if some run on another machine."""
        if any(hello.host != host_identity() for _, hello in self._ranks):
            return None
        return [hello.process_id for _, hello in self._ranks]

    def ask(self, operation: str, *arguments: object) -> list[Any]:
        """Return what each rank answers, once all have. Raises `Unsupported` if all raise it.

        Raises `RankFailed`, and ends the world, if a rank dies, raises or does not answer.
        """
        return self._ask(range(self.processes), operation, arguments)

    def ask_first(self, operation: str, *arguments: object) -> Any:
        """Return what rank 0 answers. Raises as `ask` does."""
        return self._ask((0,), operation, arguments)[0]

    def _ask(
        self, asked: Sequence[int], operation: str, arguments: tuple[object, ...]
    ) -> list[Any]:
        if self.has_ended:
            raise RankFailed(f"the {self.processes} processes have ended")
        dropped, self._dropped = tuple(self._dropped), []
        request: Request = (operation, arguments, dropped)
        message = pickle.dumps(request)
        for rank in asked:
            with suppress(OSError):  # it has died, as its answer will say
                self._ranks[rank][0].send_bytes(message)
        try:
            answers, dead = self._answers(asked)
        except BaseException:  # interrupted: the next answer would be that to this
            self.end()
            raise
        values = [answers.get(rank) for rank in asked]
        if not dead and len(answers) == len(asked):
            raised = [value for value in values if isinstance(value, Raised)]
            if not raised:
                return values
            if len(raised) == len(asked) and all(each.is_unsupported for each in raised):
                raise Unsupported(raised[0].message)
        try:
            reason = self._reason(asked, answers, dead)
        finally:
            self.end()
        raise RankFailed(reason)

    def _answers(self, asked: Sequence[int]) -> tuple[dict[int, Any], list[int]]:
        """Wait for the ranks; return what they answered, and which of them have died."""
        waiting = {self._ranks[rank][0]: rank for rank in asked}
        answers: dict[int, Any] = {}
        dead: list[int] = []
        until = time.monotonic() + ANSWER_SECONDS
        while waiting:
            ready = wait(list(waiting), max(0.0, until - time.monotonic()))
            if not ready:
                break
            for connection in ready:
                assert isinstance(connection, Connection)
                rank = waiting.pop(connection)
                try:
                    answers[rank] = connection.recv()
                    is_bad = isinstance(answers[rank], Raised)
                except (EOFError, OSError):
                    dead.append(rank)
                    is_bad = True
                if is_bad:
                    until = min(until, time.monotonic() + _GRACE_SECONDS)
        return answers, dead

    def _reason(self, asked: Sequence[int], answers: dict[int, Any], dead: list[int]) -> str:
        """Say which rank is to blame: of several the one that the others waited for."""
        if dead:
            failures = self._failures(_REPORT_SECONDS)
            failure = next((each for each in failures if each.rank == dead[0]), None)
            if failure is None and failures:
                failure = failures[0]
            if failure is None:
                return f"{self._called(dead[0])} ended without a word"
            said = f": {failure.line}" if failure.line else ""
            return f"{self._called(failure.rank)} {describe_exit(failure.exit)}{said}"
        raised = {rank: each for rank, each in answers.items() if isinstance(each, Raised)}
        own = {rank: each for rank, each in raised.items() if not _is_of_others(each)}
        silent = [rank for rank in asked if rank not in answers]
        if silent and not own:
            line = self._last_line(silent[0]) or "none"
            if len(silent) == len(asked) > 1:
                return (
                    f"none of the {self.processes} processes answered within {ANSWER_SECONDS:g} s; "
                    f"the last line of rank 0: {line}"
                )
            seconds = EXCHANGE_SECONDS if raised else ANSWER_SECONDS
            return (
                f"{self._called(silent[0])} did not answer within {seconds:g} s; "
                f"its last line: {line}"
            )
        rank, first = next(iter((own or raised).items()))
        return f"{self._called(rank)}: {first.kind}: {first.message}"

    def _called(self, rank: int) -> str:
        return f"rank {rank} of {self.processes}"

    def _wait_for_ranks(self) -> list[tuple[Connection, Hello]]:
        """Return all ranks when they have come. Raises `RankFailed` if one does not."""
        came: dict[int, tuple[Connection, Hello]] = {}
        until = time.monotonic() + START_SECONDS
        while len(came) < self.processes:
            with suppress(queue.Empty):
                connection, hello = self._door.arrivals.get(timeout=_LOOK_SECONDS)
                came[hello.rank] = (connection, hello)
                continue
            if any(launcher.has_ended for launcher in self._launchers):
                raise RankFailed(self._why_not_started())
            if time.monotonic() > until:
                raise RankFailed(
                    f"{len(came)} of {self.processes} processes came within {START_SECONDS:g} s"
                )
        self._door.close()
        return [came[rank] for rank in range(self.processes)]

    def _why_not_started(self) -> str:
        for failure in self._failures(_LINE_SECONDS):
            return f"{self._called(failure.rank)} {describe_exit(failure.exit)}: {failure.line}"
        for launcher in self._launchers:
            if launcher.has_ended:
                said = launcher.last_message() or "no message"
                return f"what starts the processes {describe_exit(launcher.wait())}: {said}"
        return "the processes ended before they came"

    def _failures(self, timeout_seconds: float) -> tuple[Failure, ...]:
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

    def _last_line(self, rank: int) -> str:
        """Return the last line that a rank wrote on standard error; "" if it is not known."""
        _, hello = self._ranks[rank]
        launcher = self._launchers[hello.node]
        launcher.send(b"lines")
        with suppress(TimeoutError):
            if line := launcher.read_line(_LINE_SECONDS):
                lines = msgspec.json.decode(line, type=Report).lines
                return lines[hello.local_rank] if hello.local_rank < len(lines) else ""
        return ""

    def end(self) -> None:
        """End all ranks and what started them: close what they listen to, and they leave."""
        if not self.has_ended:
            self.has_ended = True
            self._door.close()
            for connection, _ in self._ranks:
                connection.close()
            end_all(self._launchers, _SECONDS_TO_LEAVE)


def _is_of_others(raised: Raised) -> bool:
    return any(words in f"{raised.kind}: {raised.message}" for words in _OF_OTHERS)


_worlds: dict[tuple[int, str], World] = {}


def world_of(processes: int, device: str) -> World:
    """Return the world of so many processes, which is started if it is not there."""
    world = running_world(processes, device)
    if world is None:
        world = _worlds[processes, device] = World(processes, device)
    return world


def running_world(processes: int, device: str) -> World | None:
    """Return the world of so many processes if it is there."""
    world = _worlds.get((processes, device))
    return None if world is None or world.has_ended else world


@atexit.register
def end_worlds() -> None:
    """End all worlds of this process."""
    for world in _worlds.values():
        world.end()
    _worlds.clear()


def launch(processes: int, device: str) -> tuple[_Door, list[ChildProcess]]:
    """Start so many ranks; return where they will come, and their launchers, node by node.

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
        door = _Door(where.address, processes, key)
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
    return door, launchers


def _environment(where: Layout, key: bytes) -> dict[str, str]:
    """Return the environment of ranks: ours, and threads for each unless they are set."""
    ours = str(Path(__file__).parents[3])  # so that a bare checkout's ranks find it too
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    threads = thread_variables(max(1, usable_cores() // where.processes_per_node))
    missing = {name: threads[name] for name in THREAD_VARIABLES if name not in os.environ}
    return os.environ | missing | {"PYTHONPATH": path, KEY: key.hex()}


def _free_port(address: str) -> int:
    with closing(socket.create_server((address, 0))) as server:
        port: int = server.getsockname()[1]
    return port


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
            # A process without the key is refused, and takes no place.
            with suppress(Exception):
                connection = self._listener.accept()
                self.arrivals.put((connection, connection.recv()))
                came += 1
        self._listener.close()

    def close(self) -> None:
        """Refuse further ranks."""
        if self._is_open:
            self._is_open = False
            with suppress(OSError):  # wakes the waiting thread, unless all have come
                socket.create_connection(self.address, timeout=1.0).close()
