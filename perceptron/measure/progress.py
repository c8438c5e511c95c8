"""How a study reports its progress, without knowing how that is shown."""

from __future__ import annotations

from collections.abc import Callable

# (done, in all, what is being done). Of a study with a budget in its seconds, of others in pieces.
Progress = Callable[[float, float, str], None]


def silent(done: float, total: float, message: str) -> None:
    """Show nothing."""


def prefixed(progress: Progress, prefix: str) -> Progress:
    """Return the progress of one part of a study, whose messages begin with ``prefix``."""

    def report(done: float, total: float, message: str) -> None:
        progress(done, total, f"{prefix}{message}")

    return report
