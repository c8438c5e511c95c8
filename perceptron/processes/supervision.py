"""A child process that is sent lines and answers in lines, whatever becomes of it."""

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

# Of an error the last line is shown; a library may have written hundreds of megabytes before it.
_TAIL_BYTES = 65_536
# What is set for a child, and so for all that it starts: a word for each child among its ancestors.
_MARK = "PERCEPTRON_CHILD_OF"
# What a child has started leaves by itself when the child has, and may have files to remove.
_SECONDS_TO_FOLLOW = 1.0
_LOOK_SECONDS = 0.01


class ChildProcess:
    """A process from its start to its end; what it prints on standard error is kept.

    What it has started ends soon after it, on Linux also in a session of its own. ``own_group``
    makes it the leader of a process group, so that ctrl-C reaches the parent alone, and what it has
    started ends at once. It has the file descriptors ``inherited``, under their numbers. Raises
    OSError if it cannot be started.
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
        return last_line(self._messages)

    def close_input(self) -> None:
        """Close its standard input, which asks it to leave."""
        with contextlib.suppress(OSError):  # what was not written is of no use any more
            self._requests.close()

    def end(self, patience_seconds: float = 0.0) -> None:
        """Close its standard input and kill it if it does not leave within ``patience_seconds``."""
        end_all([self], patience_seconds)

    def _stop(self, patience_seconds: float) -> bytes:
        """End it; return what marks all that it has started."""
        if patience_seconds:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_seconds)
        _kill(self._process, self._own_group)
        self._messages.close()
        return self._mark.encode()


def end_all(children: Sequence[ChildProcess], patience_seconds: float = 0.0) -> None:
    """Ask all to leave, and kill those that have not left when the common patience is over."""
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
    """Run a command in a folder until it ends, its output in ``log``; return its exit code.

    It has no input and its own session; what it has started ends with it, as with `ChildProcess`.
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
    """Return the last line of a file that has text in it, "" if there is none."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _end_marked(marks: Sequence[bytes]) -> None:
    """Kill all processes with one of these marks, if they do not leave by themselves."""
    begin = time.monotonic()
    while (marked := _marked(marks)) and time.monotonic() - begin < _SECONDS_TO_FOLLOW:
        time.sleep(_LOOK_SECONDS)
    # Until they are gone they may start others; what waits for a disk cannot be killed.
    while marked and time.monotonic() - begin < 2 * _SECONDS_TO_FOLLOW:
        for process in marked:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_LOOK_SECONDS)
        marked = _marked(marks)


def _marked(marks: Sequence[bytes]) -> list[int]:
    """Return the processes with one of these marks; one that has ended has none."""
    found = []
    with contextlib.suppress(OSError):  # not on Linux
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):  # somebody else's, or gone
                if not name.isdecimal():
                    continue
                variables = Path("/proc", name, "environ").read_bytes()
                if any(mark in variables for mark in marks):
                    found.append(int(name))
    return found


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
