"""Names of backends, of the two sides of a pair and of their threads in sentences.

Like `crossover.verdict`, it imports only what the job has that comments on pull requests.
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
    """Return a backend's name without its processes, and their number.

    >>> name_and_processes("torch-ddp@2"), name_and_processes("numpy")
    (('torch-ddp', 2), ('numpy', 1))
    """
    # Compiling the pattern takes longer than the rest of an answer's text.
    match = "@" in backend and re.fullmatch(r"(.+)@([1-9]\d{0,4})", backend, re.ASCII)
    return (match[1], int(match[2])) if match else (backend, 1)


def named(backend: str) -> str:
    """Return the name of a backend in sentences.

    >>> named("torch-ddp@2"), named("numpy")
    ('2 processes (torch-ddp@2)', 'numpy')
    """
    processes = name_and_processes(backend)[1]
    return f"{processes} processes ({backend})" if processes > 1 else backend


def threads_in_all(threads: int | None, backends: Iterable[str]) -> str:
    """Return the threads of all backends as text, ``in all`` if processes share them."""
    noun = "thread" if threads == 1 else "threads"
    are_shared = any(name_and_processes(backend)[1] > 1 for backend in backends)
    return f"{threads} {noun}{' in all' if are_shared else ''}"


class Side(NamedTuple):
    """The name of a side of a pair in sentences; ``short`` beside the name of the other."""

    name: str
    short: str
    is_several: bool = False

    def does(self, verb: str) -> str:
        """Return the side as subject of ``verb``: ``numpy leads``, ``2 processes lead``."""
        if verb == "is":
            return f"{self.name} {'are' if self.is_several else 'is'}"
        return f"{self.name} {verb}{'' if self.is_several else 's'}"


def is_this_package(source: str | None) -> bool:
    """Return whether ``source`` is this package or None."""
    return source in (None, "perceptron")


def sides_of(incumbent: str, challenger: str, source: str | None) -> tuple[str, tuple[Side, Side]]:
    """Return the prefix that both sides share, such as ``torch-cpu: ``, and the sides.

    Names of other tools' backends are not parsed.

    >>> prefix, (first, second) = sides_of("torch-ddp", "torch-ddp@2", None)
    >>> prefix, first.does("lead"), second.does("lead")
    ('torch-ddp: ', '1 process leads', '2 processes lead')
    """
    (name, processes), (other, other_processes) = map(name_and_processes, (incumbent, challenger))
    bare = incumbent.removesuffix(SEQUENTIAL)
    if not is_this_package(source):
        return "", (Side(incumbent, incumbent), Side(challenger, challenger))
    if name == other and processes != other_processes:
        return f"{name}: ", (_of_processes(processes), _of_processes(other_processes))
    if incumbent != challenger and bare == challenger.removesuffix(SEQUENTIAL):
        modes = [
            "sequential" if backend.endswith(SEQUENTIAL) else "batched"
            for backend in (incumbent, challenger)
        ]
        return f"{bare}: ", (Side(modes[0], modes[0]), Side(modes[1], modes[1]))
    if processes > 1 or other_processes > 1:
        return "", (_of_processes(processes, name), _of_processes(other_processes, other))
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
