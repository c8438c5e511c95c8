"""The signals by which schedulers and terminals end all processes of a job."""

from __future__ import annotations

import signal

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a command as ctrl-C does."""


def ended_with_us(code: int) -> bool:
    """Return whether a child was ended by what is about to end this process.

    They are sent to all processes of a job, in any order: no backend failed, and what is to end
    must not write down that one did.
    """
    return -code in ENDING
