"""The ranks of one world: started together, asked all at once, ended whatever becomes of them.

Starting a world takes seconds, so it stays for the trainers to come. When a rank has failed nothing
is to be expected of the others, which may wait for it: the world is ended, and the next is fresh.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pickle
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from perceptron import fresh_python
from perceptron.backends.data_parallel.launcher import START_SECONDS
from perceptron.backends.protocol import RankFailed, Unsupported, thread_variables
from perceptron.machine import THREAD_VARIABLES, usable_cores
from perceptron.supervision import ChildProcess, describe_exit, last_line

_LAUNCHER = "perceptron.backends.data_parallel.launcher"
_SECONDS_TO_LEAVE = 5.0
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
# Bytes of the folder of temporary files: a socket's address, the longer by 33, has at most 103.
_LONGEST_FOLDER = 70
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
        is_short = len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_FOLDER
        where = None if is_short else "/tmp"  # noqa: S108 made anew, for nobody else
        self._folder = Path(tempfile.mkdtemp(prefix="perceptron-ranks-", dir=where))
        """Nobody else's: there lie the socket at which ranks arrive, and what they write."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._folder / "leader"))
        self._socket.listen(processes)
        self._socket.settimeout(_LOOK_SECONDS)
        self._ranks: list[tuple[Connection, int]] = []
        """The connection on which each rank is asked, and the number of its process."""
        self._launcher = launch(processes, device, self._folder)
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

    def process_ids(self) -> list[int]:
        """Return the numbers of the ranks' processes."""
        return [process_id for _, process_id in self._ranks]

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
        message = pickle.dumps((operation, arguments, dropped))
        for rank in asked:
            with suppress(OSError):  # it has died, as its answer will say
                self._ranks[rank][0].send_bytes(message)
        try:
            answers, dead = self._answers(asked)
            if not dead and len(answers) == len(asked):
                kinds = {kind for kind, _ in answers.values()}
                if kinds == {"done"}:
                    return [answers[rank][1] for rank in asked]
                if kinds == {"unsupported"}:
                    raise Unsupported(answers[asked[0]][1])
            raise RankFailed(self._reason(asked, answers, dead))
        except Unsupported:
            raise
        except BaseException:  # interrupted, too: the next answer would be that to this
            self.end()
            raise

    def _answers(self, asked: Sequence[int]) -> tuple[dict[int, tuple[str, Any]], list[int]]:
        """Wait for the ranks; return what they answered, and which of them have died."""
        waiting = {self._ranks[rank][0]: rank for rank in asked}
        answers: dict[int, tuple[str, Any]] = {}
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
                except (EOFError, OSError):
                    dead.append(rank)
                if rank not in answers or answers[rank][0] != "done":
                    until = min(until, time.monotonic() + _GRACE_SECONDS)
        return answers, dead

    def _reason(
        self, asked: Sequence[int], answers: dict[int, tuple[str, Any]], dead: list[int]
    ) -> str:
        """Say which rank is to blame: of several the one that the others waited for."""
        if dead:
            return self._failure(_REPORT_SECONDS) or f"{self._called(dead[0])} died"
        raised = {rank: text for rank, (kind, text) in answers.items() if kind != "done"}
        own = [
            rank for rank, text in raised.items() if not any(word in text for word in _OF_OTHERS)
        ]
        silent = [rank for rank in asked if rank not in answers]
        if silent and not own:
            seconds = EXCHANGE_SECONDS if raised else ANSWER_SECONDS
            return (
                f"{self._called(silent[0])} did not answer within {seconds:g} s; "
                f"its last line: {self._last_line(silent[0]) or 'none'}"
            )
        rank = (own or list(raised))[0]
        return f"{self._called(rank)}: {raised[rank]}"

    def _called(self, rank: int) -> str:
        return f"rank {rank} of {self.processes}"

    def _wait_for_ranks(self) -> list[tuple[Connection, int]]:
        """Return all ranks when they have come. Raises `RankFailed` if one does not."""
        came: dict[int, tuple[Connection, int]] = {}
        until = time.monotonic() + START_SECONDS
        while len(came) < self.processes:
            with suppress(TimeoutError, EOFError):
                arrived, _ = self._socket.accept()
                connection = Connection(arrived.detach())
                if connection.poll(START_SECONDS):
                    rank, process_id = connection.recv()
                    came[rank] = (connection, process_id)
                continue
            if self._launcher.has_ended:
                said = self._launcher.last_message() or "no message"
                raise RankFailed(
                    self._failure(_GRACE_SECONDS)
                    or f"what starts the processes {describe_exit(self._launcher.wait())}: {said}"
                )
            if time.monotonic() > until:
                raise RankFailed(
                    f"{len(came)} of {self.processes} processes came within {START_SECONDS:g} s"
                )
        return [came[rank] for rank in range(self.processes)]

    def _failure(self, seconds: float) -> str | None:
        """Return how the first rank to fail did, as the launcher says; None if it does not."""
        with suppress(TimeoutError):
            if line := self._launcher.read_line(seconds):
                rank, code = map(int, line.split())
                said = self._last_line(rank)
                return f"{self._called(rank)} {describe_exit(code)}" + (said and f": {said}")
        return None

    def _last_line(self, rank: int) -> str:
        """Return the last line that a rank wrote on standard error, "" if there is none."""
        for file in self._folder.glob(f"*/attempt_*/{rank}/stderr.log"):
            with file.open("rb") as written:
                return last_line(written)
        return ""

    def end(self) -> None:
        """End all ranks and what started them: close what they listen to, and they leave."""
        if not self.has_ended:
            self.has_ended = True
            for connection, _ in self._ranks:
                connection.close()
            self._socket.close()
            self._launcher.end(_SECONDS_TO_LEAVE)
            shutil.rmtree(self._folder, ignore_errors=True)


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


def launch(processes: int, device: str, folder: Path) -> ChildProcess:
    """Start so many ranks, which arrive at the socket ``leader`` in a folder and write there.

    Returns what starts them.
    """
    arguments = (str(processes), str(folder), str(folder / "leader"), device)
    command = fresh_python.command(_LAUNCHER, *arguments)
    return ChildProcess(command, _environment(processes), own_group=True)


def _environment(processes: int) -> dict[str, str]:
    """Return the environment of ranks: ours, and threads for each unless they are set."""
    threads = thread_variables(max(1, usable_cores() // processes))
    defaults = {name: threads[name] for name in THREAD_VARIABLES}
    # By itself gloo takes the interface of the host's name, which needs a name service.
    defaults["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    return defaults | os.environ
