"""A child process that is sent lines and answers in lines, whatever becomes of it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO


class ChildProcess:
    """A process from its start to its end; what it prints on standard error is kept.

    ``own_group`` makes it the leader of a process group, so that ctrl-C reaches the parent alone
    and `end` also ends what the child has started. Raises OSError if it cannot be started.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], own_group: bool = False
    ) -> None:
        self._own_group = own_group
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 closed by end()
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                start_new_session=own_group,
            )
        except OSError:
            self._messages.close()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin
        self._lines = _read_lines(self._process.stdout)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, by itself or not."""
        return self._process.poll() is not None

    def send(self, line: bytes) -> None:
        """Write a line to its standard input, which stays open: children leave when it closes."""
        with contextlib.suppress(BrokenPipeError):  # it has died; `ending` will say of what
            self._requests.write(line + b"\n")
            self._requests.flush()

    def read_line(self, timeout_seconds: float) -> bytes | None:
        """Return its next line, None after the last. Raises TimeoutError."""
        try:
            return self._lines.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {timeout_seconds:g} s") from None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Return its exit code, minus the signal's number if one ended it.

        Raises subprocess.TimeoutExpired.
        """
        return self._process.wait(timeout_seconds)

    def last_message(self) -> str:
        """Return the last line of its standard error, "" if there is none."""
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close_input(self) -> None:
        """Close its standard input, which asks it to leave."""
        with contextlib.suppress(OSError):  # what was not written is of no use any more
            self._requests.close()

    def end(self, patience_seconds: float = 0.0) -> None:
        """Close its standard input and kill it if it does not leave within ``patience_seconds``."""
        self.close_input()
        if patience_seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_seconds)
        if self._own_group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)  # a leader may leave others behind
        self._process.kill()
        self._process.wait()
        self._messages.close()


def end_all(children: Sequence[ChildProcess], patience_seconds: float = 0.0) -> None:
    """Ask all to leave, and kill those that have not left when the common patience is over."""
    for child in children:
        child.close_input()
    until = time.monotonic() + patience_seconds
    for child in children:
        child.end(max(0.0, until - time.monotonic()))


def describe_exit(code: int) -> str:
    """Return how a process ended, as in ``was ended by SIGKILL (out of memory?)``."""
    if code >= 0:
        return f"exited with {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _read_lines(stream: IO[bytes]) -> queue.Queue[bytes | None]:
    """Queue lines as they come, then None: a pipe cannot be waited for with a time limit."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines
