"""How a study reports how far it is, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable

# (pieces of work done, pieces in all, what is being done)
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, message: str) -> None:
    """Show nothing."""


def after(progress: Progress, before: int, prefix: str = "") -> Progress:
    """Return the progress of one round after ``before`` pieces of earlier ones.

    The number of rounds is not known in advance: the total grows with them.
    """

    def report(done: int, total: int, message: str) -> None:
        progress(before + done, before + total, f"{prefix}{message}")

    return report
