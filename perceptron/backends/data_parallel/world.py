"""The ranks of a world: processes that train together, started and ended together.

Each rank is a child of this process, which sends it requests over a pair of sockets. The ranks meet
at PyTorch's store in rank 0.

Starting a world takes seconds, so later trainers reuse it. When a rank fails, the others may wait
for it forever: the world is ended, and the next trainer starts a new one.
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
"""Seconds that ranks wait for each other, before they consider a rank to hang."""
ANSWER_SECONDS = 150.0
"""Seconds that the leader waits for the answers of all ranks."""
# After the first failure: a death is noticed at once, and ranks that waited for it then report too.
_GRACE_SECONDS = 2.0
# From closing its connection to its exit code, for all ranks; some write a core dump first.
_SECONDS_TO_DIE = 8.0
# In messages of ranks that failed because another rank did not come, or went away.
_OF_OTHERS = ("gloo", "NCCL", "Dist", "Connection closed by peer", "Connection reset by peer")
# NCCL aborts a process that has waited too long for another, and says so in its last line.
_ABORTED = -signal.SIGABRT


class Rank(NamedTuple):
    """The process of a rank, and the connection for requests to it."""

    process: ChildProcess
    connection: Connection


class World:
    """Running ranks, joined in one group. Raises `RankFailed` if they do not start."""

    def __init__(self, processes: int, device: str) -> None:
        self.processes = processes
        self._numbers = itertools.count()
        self._dropped: list[int] = []
        self.has_ended = False
        """Whether the ranks have been ended: requests then raise `RankFailed`."""
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
        """Have the ranks drop a trainer with the next request."""
        self._dropped.append(number)

    def process_ids(self) -> list[int]:
        """Return the process ids of the ranks."""
        return [rank.process.pid for rank in self._ranks]

    def ask(self, operation: str, *arguments: object) -> list[Any]:
        """Return the ranks' answers to an operation of `rank.Member`, once all have answered.

        Raises `Unsupported` if all ranks do. Raises `RankFailed`, and ends the world, if a rank
        dies, raises or does not answer.
        """
        return self._ask(range(self.processes), operation, arguments)

    def ask_first(self, operation: str, *arguments: object) -> Any:
        """Return rank 0's answer. Raises as `ask` does."""
        return self._ask((0,), operation, arguments)[0]

    def _ask(
        self, ranks: Sequence[int], operation: str, arguments: tuple[object, ...]
    ) -> list[Any]:
        if self.has_ended:
            raise RankFailed(f"the {self.processes} processes have ended")
        dropped, self._dropped = tuple(self._dropped), []
        message = pickle.dumps((operation, arguments, dropped))
        try:
            for rank in ranks:
                with suppress(OSError):  # it has died, as its answer will say
                    self._ranks[rank].connection.send_bytes(message)
            answers, dead = self._answers(ranks)
            if not dead and len(answers) == len(ranks):
                kinds = {kind for kind, _ in answers.values()}
                if kinds == {"done"}:
                    return [answers[rank][1] for rank in ranks]
                if kinds == {"unsupported"}:
                    raise Unsupported(answers[ranks[0]][1])
            raise RankFailed(self._reason(ranks, answers, dead))
        except Unsupported:
            raise
        except BaseException:  # interrupted, too: the next request would get this one's answer
            self.end()
            raise

    def _answers(self, ranks: Sequence[int]) -> tuple[dict[int, tuple[str, Any]], list[int]]:
        """Wait for the ranks; return their answers, and the ranks that have died."""
        waiting = {self._ranks[rank].connection: rank for rank in ranks}
        answers: dict[int, tuple[str, Any]] = {}
        dead: list[int] = []
        deadline = time.monotonic() + ANSWER_SECONDS
        while waiting:
            ready = wait(list(waiting), max(0.0, deadline - time.monotonic()))
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
                    deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
        return answers, dead

    def _reason(
        self, ranks: Sequence[int], answers: dict[int, tuple[str, Any]], dead: list[int]
    ) -> str:
        """Return the message of the rank that failed; of several, of one that others waited for."""
        deadline = time.monotonic() + _SECONDS_TO_DIE
        codes = {rank: self._exit_code(rank, deadline) for rank in dead}
        failed = {rank: self._death(rank, code) for rank, code in codes.items()}
        for rank, (kind, text) in answers.items():
            if kind != "done":
                failed[rank] = f"{self._called(rank)}: {text}"
        # The last line of a rank that ended in another way may be any warning.
        speaking = [rank for rank in failed if rank in answers or codes[rank] == _ABORTED]
        blame_others = [
            rank for rank in speaking if any(word in failed[rank] for word in _OF_OTHERS)
        ]
        to_blame = [rank for rank in failed if rank not in blame_others]
        silent = [rank for rank in ranks if rank not in answers and rank not in dead]
        if silent and not to_blame:
            seconds = EXCHANGE_SECONDS if failed else ANSWER_SECONDS
            last_line = self._ranks[silent[0]].process.last_message() or "none"
            return (
                f"{self._called(silent[0])} did not answer within {seconds:g} s; "
                f"its last line: {last_line}"
            )
        return failed[(to_blame or list(failed))[0]]

    def _exit_code(self, rank: int, deadline: float) -> int | None:
        """Return the exit code of a rank that has died; None if it has none by ``deadline``."""
        try:
            return self._ranks[rank].process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _death(self, rank: int, code: int | None) -> str:
        """Return how a rank ended, with the last line that it wrote on standard error."""
        ended = "died" if code is None else describe_exit(code)
        last_line = self._ranks[rank].process.last_message()
        return f"{self._called(rank)} {ended}" + (last_line and f": {last_line}")

    def _called(self, rank: int) -> str:
        return f"rank {rank} of {self.processes}"

    def end(self) -> None:
        """End all ranks at once; they have nothing to save."""
        if not self.has_ended:
            self.has_ended = True
            end_all([rank.process for rank in self._ranks])
            for rank in self._ranks:
                rank.connection.close()


_worlds: dict[tuple[int, str], World] = {}


def world_of(processes: int, device: str) -> World:
    """Return the world of this number of processes; start it unless it runs."""
    world = running_world(processes, device)
    if world is None:
        world = _worlds[processes, device] = World(processes, device)
    return world


def running_world(processes: int, device: str) -> World | None:
    """Return the world of this number of processes if it runs; else None."""
    world = _worlds.get((processes, device))
    return None if world is None or world.has_ended else world


@atexit.register
def end_worlds() -> None:
    """End all worlds of this process."""
    for world in _worlds.values():
        world.end()
    _worlds.clear()


def start(rank: int, processes: int, device: str) -> Rank:
    """Start rank ``rank`` of ``processes``, which then waits for requests.

    Linux ends it with the thread that calls this.
    """
    our_end, rank_end = Pipe()
    with rank_end:
        number = rank_end.fileno()
        command = fresh_python.command(_RANK, str(rank), str(processes), device, str(number))
        try:
            process = ChildProcess(
                command, _environment(processes), own_group=True, inherited=[number]
            )
        except BaseException:
            our_end.close()
            raise
    return Rank(process, our_end)


def _environment(processes: int) -> dict[str, str]:
    """Return this process's environment, with the ranks' share of threads unless they are set."""
    threads = thread_variables(max(1, usable_cores() // processes))
    defaults = {name: threads[name] for name in THREAD_VARIABLES}
    # By itself gloo takes the interface of the host's name, which needs a name service.
    defaults["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    return defaults | os.environ
