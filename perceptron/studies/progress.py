"""How a study tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

# (pieces of work done, pieces in all, what is being done)
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, message: str) -> None:
    """Listen to nothing."""
