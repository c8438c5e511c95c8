"""This process, a command: when it began, and the signals that end it."""

from __future__ import annotations

import signal

began: float | None = None
"""By `time.monotonic`: a command's budget and its bar count from there.

None where no command runs, as in a program that asks one question.
"""

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals by which schedulers and terminals end all processes of a job; as ctrl-C ends one."""


def ended_with_us(code: int) -> bool:
    """Return whether a child was ended by what is about to end this process.

    They are sent to all processes of a job, in any order: no backend failed, and what is to end
    must not write down that one did.
    """
    return -code in ENDING
