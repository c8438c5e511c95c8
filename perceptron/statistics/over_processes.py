"""How a sentence names a backend, the two sides of a pair, and their threads.

It imports nothing that a pull request's comment cannot have, as `crossover.verdict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SEQUENTIAL = "-sequential"
"""Ends the name of a backend that trains models one after the other."""
POOL = "processes"
"""The backend that trains models in a pool of processes."""


def name_and_processes(backend: str) -> tuple[str, int]:
    """Return a backend's name without its processes, and how many these are.

    >>> name_and_processes("torch-ddp@2"), name_and_processes("numpy")
    (('torch-ddp', 2), ('numpy', 1))
    """
    # Making the pattern takes longer than all else of an answer's words.
    match = "@" in backend and re.fullmatch(r"(.+)@([1-9]\d{0,4})", backend, re.ASCII)
    return (match[1], int(match[2])) if match else (backend, 1)


def named(backend: str) -> str:
    """Return a backend as sentences name it.

    >>> named("torch-ddp@2"), named("numpy")
    ('2 processes (torch-ddp@2)', 'numpy')
    """
    processes = name_and_processes(backend)[1]
    return f"{processes} processes ({backend})" if processes > 1 else backend


def threads_in_all(threads: int | None, backends: Iterable[str]) -> str:
    """Return how many threads all backends have, where some share them out among processes."""
    noun = "thread" if threads == 1 else "threads"
    are_shared = any(name_and_processes(backend)[1] > 1 for backend in backends)
    return f"{threads} {noun}{' in all' if are_shared else ''}"


class Side(NamedTuple):
    """A side of a pair as sentences name it; ``short`` beside the other one."""

    name: str
    short: str
    is_several: bool = False

    def does(self, verb: str) -> str:
        """Return the verb as this subject has it."""
        if verb == "is":
            return f"{self.name} {'are' if self.is_several else 'is'}"
        return f"{self.name} {verb}{'' if self.is_several else 's'}"


def is_ours(source: str | None) -> bool:
    """Return whether this package, or no tool at all, is the ``source``."""
    return source in (None, "perceptron")


def sides_of(incumbent: str, challenger: str, source: str | None) -> tuple[str, tuple[Side, Side]]:
    """Return the prefix that both share, as ``torch-cpu: ``, and the name of each in a sentence.

    What another tool calls its backends is no number of processes.

    >>> prefix, (one, other) = sides_of("torch-ddp", "torch-ddp@2", None)
    >>> prefix, one.does("lead"), other.does("lead")
    ('torch-ddp: ', '1 process leads', '2 processes lead')
    """
    (name, processes), (same, others) = map(name_and_processes, (incumbent, challenger))
    bare = incumbent.removesuffix(SEQUENTIAL)
    if not is_ours(source):
        return "", (Side(incumbent, incumbent), Side(challenger, challenger))
    if name == same and processes != others:
        return f"{name}: ", (_of_processes(processes), _of_processes(others))
    if incumbent != challenger and bare == challenger.removesuffix(SEQUENTIAL):
        ways = [
            "sequential" if of.endswith(SEQUENTIAL) else "batched" for of in (incumbent, challenger)
        ]
        return f"{bare}: ", (Side(ways[0], ways[0]), Side(ways[1], ways[1]))
    if processes > 1 or others > 1:
        return "", (_of_processes(processes, name), _of_processes(others, same))
    return "", (
        Side(incumbent, incumbent, incumbent == POOL),
        Side(challenger, challenger, challenger == POOL),
    )


def _of_processes(processes: int, backend: str = "") -> Side:
    several = processes > 1
    name = f"{processes} process{'es' if several else ''}"
    if backend:
        name = f"{name} ({backend})"
    return Side(name, name if backend else str(processes), several)
