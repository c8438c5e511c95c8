"""This process: its start, the signals that end it, and temporary environment variables."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

began: float | None = None
"""The start of the command by `time.monotonic`, from which its budget and its bar count.

None where no command runs, as in a program that calls the package.
"""

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals by which schedulers and terminals end all processes of a job."""


def ended_with_us(code: int) -> bool:
    """Return whether a child was ended by a signal that is about to end this process, too.

    `ENDING` signals reach all processes of a job, in any order: the child did not fail, and this
    process must not record that it did.
    """
    return -code in ENDING


@contextmanager
def variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables in the block; then restore the earlier values."""
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
