"""This process: when its command began, the signals that end it, and variables set for a while."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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


@contextmanager
def variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables in the block, for what is called and started there; then put back what was."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
