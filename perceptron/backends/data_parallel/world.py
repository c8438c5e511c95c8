"""The ranks of one world: started together, asked all at once, ended whatever becomes of them.

Each is a child of this process, which asks it over a pair of sockets that nobody else has. They
meet at a store of PyTorch's in rank 0.

Starting a world takes seconds, so it stays for the trainers to come. When a rank has failed nothing
is to be expected of the others, which may wait for it: the world is ended, and the next is fresh.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from perceptron.backends.protocol import RankFailed, Unsupported, thread_variables
from perceptron.machine import THREAD_VARIABLES, usable_cores
from perceptron.processes import fresh_python
from perceptron.processes.supervision import ChildProcess, describe_exit, end_all

_RANK = "perceptron.backends.data_parallel.rank"
# A study waits 180 s for a worker. Each of these is less, so that the reason names the rank.
EXCHANGE_SECONDS = 60.0
"""How long ranks wait for each other: beyond, one of them hangs."""
ANSWER_SECONDS = 150.0
"""How long the leader waits for all ranks."""
# After the first bad news: a rank that died is known at once, and those that waited for it say so.
_GRACE_SECONDS = 2.0
# From closing its connection to its exit code; some write what they held to disk first. Of all.
_SECONDS_TO_DIE = 8.0
# Said by ranks of which another did not come, or went away.
_OF_OTHERS = ("gloo", "NCCL", "Dist", "Connection closed by peer", "Connection reset by peer")
# NCCL ends a process so that has waited too long for another, and says so in its last line.
_ABORTED = -signal.SIGABRT


class Rank(NamedTuple):
    """The process of a rank, and the connection on which it is asked."""

    process: ChildProcess
    connection: Connection


class World:
    """Ranks that are there, joined in one group. Raises `RankFailed` if they do not come."""

    def __init__(self, processes: int, device: str) -> None:
        self.processes = processes
        self._numbers = itertools.count()
        self._dropped: list[int] = []
        self.has_ended = False
        """Whether nothing can be asked of it any more."""
        self._ranks: list[Rank] = []
        try:
            for rank in range(processes):
                self._ranks.append(start(rank, processes, device))
            port, *_ = self.ask("open_store", EXCHANGE_SECONDS)
            self.ask("join", port, EXCHANGE_SECONDS)
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
        return [rank.process.pid for rank in self._ranks]

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
        try:
            for rank in asked:
                with suppress(OSError):  # it has died, as its answer will say
                    self._ranks[rank].connection.send_bytes(message)
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
        waiting = {self._ranks[rank].connection: rank for rank in asked}
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
        until = time.monotonic() + _SECONDS_TO_DIE
        codes = {rank: self._exit_code(rank, until) for rank in dead}
        failed = {rank: self._death(rank, code) for rank, code in codes.items()}
        for rank, (kind, text) in answers.items():
            if kind != "done":
                failed[rank] = f"{self._called(rank)}: {text}"
        # What was on standard error before another death may be a warning about anything.
        speaking = [rank for rank in failed if rank in answers or codes[rank] == _ABORTED]
        of_others = [rank for rank in speaking if any(word in failed[rank] for word in _OF_OTHERS)]
        own = [rank for rank in failed if rank not in of_others]
        silent = [rank for rank in asked if rank not in answers and rank not in dead]
        if silent and not own:
            seconds = EXCHANGE_SECONDS if failed else ANSWER_SECONDS
            last_line = self._ranks[silent[0]].process.last_message() or "none"
            return (
                f"{self._called(silent[0])} did not answer within {seconds:g} s; "
                f"its last line: {last_line}"
            )
        return failed[(own or list(failed))[0]]

    def _exit_code(self, rank: int, until: float) -> int | None:
        """Return the exit code of a rank that has died; None if it has none by then."""
        try:
            return self._ranks[rank].process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _death(self, rank: int, code: int | None) -> str:
        """Return how a rank ended, with the last line that it wrote on standard error."""
        ended = "died" if code is None else describe_exit(code)
        said = self._ranks[rank].process.last_message()
        return f"{self._called(rank)} {ended}" + (said and f": {said}")

    def _called(self, rank: int) -> str:
        return f"rank {rank} of {self.processes}"

    def end(self) -> None:
        """End all ranks at once: they hold nothing that would be lost."""
        if not self.has_ended:
            self.has_ended = True
            end_all([rank.process for rank in self._ranks])
            for rank in self._ranks:
                rank.connection.close()


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


def start(rank: int, processes: int, device: str) -> Rank:
    """Start a rank of so many, which then waits to be asked.

    Linux ends it with the thread that calls this.
    """
    ours, theirs = Pipe()
    with theirs:
        number = theirs.fileno()
        command = fresh_python.command(_RANK, str(rank), str(processes), device, str(number))
        try:
            process = ChildProcess(
                command, _environment(processes), own_group=True, inherited=[number]
            )
        except BaseException:
            ours.close()
            raise
    return Rank(process, ours)


def _environment(processes: int) -> dict[str, str]:
    """Return the environment of ranks: ours, and threads for each unless they are set."""
    threads = thread_variables(max(1, usable_cores() // processes))
    defaults = {name: threads[name] for name in THREAD_VARIABLES}
    # By itself gloo takes the interface of the host's name, which needs a name service.
    defaults["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    return defaults | os.environ
