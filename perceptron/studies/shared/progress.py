"""How a study tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

# (pieces of work done, pieces in all, what is being done)
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, message: str) -> None:
    """Listen to nothing."""


def after(progress: Progress, before: int, prefix: str = "") -> Progress:
    """Progress of one round after ``before`` pieces of earlier ones.

    How many more rounds there will be, nobody knows: the total grows with them.
    """

    def report(done: int, total: int, message: str) -> None:
        progress(before + done, before + total, f"{prefix}{message}")

    return report
