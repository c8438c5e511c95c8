"""Child processes: exchanging lines with them, and ending them with all that they started."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Only the last line of an error is shown; libraries may write hundreds of megabytes before it.
_TAIL_BYTES = 65_536
# An environment variable of a child and all its descendants: a mark for each child above them.
_MARK = "PERCEPTRON_CHILD_OF"
# Descendants of a child end by themselves after it, and may have files to remove first.
_SECONDS_TO_FOLLOW = 1.0
_LOOK_SECONDS = 0.01


class ChildProcess:
    """A process from its start to its end; its standard error is stored.

    Its descendants end soon after it, on Linux even in another session. ``own_group`` makes it the
    leader of a process group, so that ctrl-C reaches only the parent, and its descendants end at
    once. It inherits the file descriptors ``inherited``, under their numbers. Raises OSError if it
    cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        own_group: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        self._own_group = own_group
        self._mark = secrets.token_hex(8)
        marks = " ".join(filter(None, (environment.get(_MARK), self._mark)))
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 closed by end()
        try:
            self._process = subprocess.Popen(
                command,
                env={**environment, _MARK: marks},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._messages,
                start_new_session=own_group,
                pass_fds=inherited,
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
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, by itself or not."""
        return self._process.poll() is not None

    def send(self, line: bytes) -> None:
        """Write a line to its standard input, which stays open: a child exits when it closes."""
        with contextlib.suppress(BrokenPipeError):  # it has died; its exit code will tell why
            self._requests.write(line + b"\n")
            self._requests.flush()

    def read_line(self, timeout_seconds: float) -> bytes | None:
        """Return the next line of its output, None after the last. Raises TimeoutError."""
        try:
            return self._lines.get(timeout=timeout_seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {timeout_seconds:g} s") from None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for its end and return its exit code; the negative signal if a signal ended it.

        Raises subprocess.TimeoutExpired.
        """
        return self._process.wait(timeout_seconds)

    def last_message(self) -> str:
        """Return the last line of its standard error, or ""."""
        return last_line(self._messages)

    def close_input(self) -> None:
        """Close its standard input, so that it exits."""
        with contextlib.suppress(OSError):  # unwritten bytes no longer matter
            self._requests.close()

    def end(self, patience_seconds: float = 0.0) -> None:
        """Close its standard input and kill it if it does not exit within ``patience_seconds``."""
        end_all([self], patience_seconds)

    def _stop(self, patience_seconds: float) -> bytes:
        """End it; return the mark in the environment of all its descendants."""
        if patience_seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_seconds)
        _kill(self._process, self._own_group)
        self._messages.close()
        return self._mark.encode()


def end_all(children: Sequence[ChildProcess], patience_seconds: float = 0.0) -> None:
    """Close the input of all, and kill those that have not exited after ``patience_seconds``."""
    for child in children:
        child.close_input()
    until = time.monotonic() + patience_seconds
    _end_marked([child._stop(max(0.0, until - time.monotonic())) for child in children])


def run_logged(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: IO[bytes],
    timeout_seconds: float,
) -> int:
    """Run a command in a folder, with its output in ``log``; return its exit code.

    It has no input and a new session; its descendants end with it, as those of a `ChildProcess`.
    Raises OSError if it cannot be started, and subprocess.TimeoutExpired.
    """
    mark = secrets.token_hex(8)
    marks = " ".join(filter(None, (environment.get(_MARK), mark)))
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, _MARK: marks},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(timeout_seconds)
    finally:
        _kill(process, has_group=True)
        _end_marked([mark.encode()])


def _kill(process: subprocess.Popen[bytes], has_group: bool) -> None:
    if has_group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # a leader may leave others behind
    process.kill()
    process.wait()


def last_line(file: IO[bytes]) -> str:
    """Return the last line with text of a file, or ""."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _end_marked(marks: Sequence[bytes]) -> None:
    """Kill all processes with one of these marks that do not exit by themselves in a second."""
    begin = time.monotonic()
    while (marked := _marked(marks)) and time.monotonic() - begin < _SECONDS_TO_FOLLOW:
        time.sleep(_LOOK_SECONDS)
    # Until they have ended they may start others; a process that waits for a disk cannot be killed.
    while marked and time.monotonic() - begin < 2 * _SECONDS_TO_FOLLOW:
        for process in marked:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)
        marked = _marked(marks)


def _marked(marks: Sequence[bytes]) -> list[int]:
    """Return the ids of running processes with one of these marks; [] except on Linux."""
    processes = []
    with contextlib.suppress(OSError):  # not on Linux
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):  # another user's, or gone
                if not name.isdecimal():
                    continue
                variables = Path("/proc", name, "environ").read_bytes()
                if any(mark in variables for mark in marks):
                    processes.append(int(name))
    return processes


def describe_exit(code: int) -> str:
    """Return an exit code as text, such as ``was ended by SIGKILL (out of memory?)``."""
    if code >= 0:
        return f"exited with {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _read_lines(stream: IO[bytes]) -> queue.Queue[bytes | None]:
    """Return a queue of the lines, then None: reading a pipe has no time limit, a queue has."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines
