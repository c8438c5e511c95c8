"""The ranks of one world: started, asked all at once, and ended whatever becomes of them.

Starting a world takes seconds, so it stays for the trainers to come. When a rank has failed nothing
is to be expected of the others, which may wait for it: the world is ended, and the next is fresh.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import pickle
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from perceptron.backends.data_parallel.launch import Launched, launch
from perceptron.backends.data_parallel.messages import Hello, Raised, Request, host_identity
from perceptron.backends.protocol import RankFailed, Unsupported
from perceptron.supervision import describe_exit

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
        self._launched: Launched | None = launch(processes, device)
        try:
            self._launched.wait_for_ranks()
            self._ranks = self._launched.requests
            self.ask("join", EXCHANGE_SECONDS)
        except BaseException:
            self.end()
            raise

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self._launched is None

    def next_number(self) -> int:
        """Return a number for a trainer."""
        return next(self._numbers)

    def drop(self, number: int) -> None:
        """Have the ranks forget a trainer, with what they are asked next."""
        self._dropped.append(number)

    def process_ids(self) -> list[int] | None:
        """Return the numbers of the ranks' processes; None if some run on another machine."""
        hellos = self._hellos()
        if any(hello.host != host_identity() for hello in hellos):
            return None
        return [hello.process_id for hello in hellos]

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
            with contextlib.suppress(OSError):  # it has died, as its answer will say
                self._ranks[rank].send_bytes(message)
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
        waiting = {self._ranks[rank]: rank for rank in asked}
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
        assert self._launched is not None
        if dead:
            failures = self._launched.failures(_REPORT_SECONDS)
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
            line = self._launched.last_line(self._hellos()[silent[0]]) or "none"
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

    def _hellos(self) -> list[Hello]:
        return [] if self._launched is None else self._launched.hellos

    def end(self) -> None:
        """End all ranks and what started them."""
        if self._launched is not None:
            self._launched.end()
            self._launched = None


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
