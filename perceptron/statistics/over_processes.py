"""Backends that train over several processes, in words: what ``torch-ddp@2`` is, and its threads.

It imports nothing that a pull request's comment cannot have, as `crossover.verdict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


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
