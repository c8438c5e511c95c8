"""A command of a stage as a child process: what it says is kept, and it ends in time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO

from perceptron.supervision import ChildProcess, describe_exit

# Opens the log itself, so that what the command and its own children say lies there at once.
_WITH_LOG = ("sh", "-c", 'exec "$@" 2>>"$0"')


@dataclass(frozen=True)
class Ended:
    """How a command ended; ``code`` is None if its time was over."""

    code: int | None
    seconds: float
    reason: str
    """Its last message, or how it ended."""


def run_child(
    argv: Sequence[str],
    environment: Mapping[str, str],
    answer: Path,
    log: Path,
    limit_seconds: float,
    patience_seconds: float,
    tick: Callable[[], None],
    tick_seconds: float = 15.0,
) -> Ended:
    """Run a command, with standard output in the file ``answer`` and standard error in ``log``.

    Call ``tick`` every so many seconds. When ``limit_seconds`` are over the command is interrupted
    as by ctrl-C; ``patience_seconds`` later it and all it has started are killed.
    Raises OSError if it cannot be started or its answer cannot be written.
    """
    begin = monotonic()
    child = ChildProcess([*_WITH_LOG, str(log), *argv], environment, own_group=True)
    try:
        with answer.open("ab") as answered:
            in_time = _copy_lines(child, answered, begin + limit_seconds, tick, tick_seconds)
            if not in_time:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGINT)
                _copy_lines(child, answered, monotonic() + patience_seconds, tick, tick_seconds)
        code = child.wait(patience_seconds) if in_time else None
    finally:
        child.end()
    seconds = monotonic() - begin
    reason = _last_line(log).removeprefix("error: ")
    if code is None:
        return Ended(None, seconds, f"not done within {limit_seconds:.0f} s")
    return Ended(code, seconds, reason or describe_exit(code))


def _copy_lines(
    child: ChildProcess, to: IO[bytes], until: float, tick: Callable[[], None], tick_seconds: float
) -> bool:
    """Copy what a child prints until it leaves; return False if its time is over before."""
    next_tick = monotonic() + tick_seconds
    while True:
        now = monotonic()
        if now >= until:
            return False
        if now >= next_tick:
            tick()
            next_tick = monotonic() + tick_seconds
        try:
            line = child.read_line(max(0.0, min(until, next_tick) - now))
        except TimeoutError:
            continue
        if line is None:
            return True
        to.write(line)
        to.flush()


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
