"""The end of a command: its exit code, and one line about an error that the user can fix."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from perceptron.errors import Inconclusive, UserError
from perceptron.processes.this_process import ENDING
from perceptron.untrusted_text import printable

INCONCLUSIVE = 3
_FAILED = 2


def run(app: click.Command, arguments: Sequence[str]) -> NoReturn:
    """Run a command and exit with its code.

    An error that the user can fix is one line on standard error, with exit code 2, or 3 for
    `Inconclusive`. SIGTERM or a closed terminal ends a command as ctrl-C does.
    """
    _open_standard_streams()
    exit_code = _FAILED
    try:
        with _interruptible():
            code = app(list(arguments), standalone_mode=False) or 0
        sys.stdout.flush()
        sys.exit(code)
    except click.Abort:
        message = "interrupted; the rows measured so far are kept, and the same command resumes"
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
    except UserError as error:
        message = str(error)
        exit_code = INCONCLUSIVE if isinstance(error, Inconclusive) else _FAILED
    except OSError as error:  # probably a full disk behind standard output
        message = f"cannot write the answer: {error.strerror}"
    except Exception as error:  # noqa: BLE001 1 would mean that the command has bad news
        if (library := _missing_library(error)) is not None:
            message = f"{library} is not installed: pip install . in the checkout"
        else:
            import traceback

            traceback.print_exc()
            message = "this is a bug of perceptron: please report it with the lines above"
    with suppress(OSError):  # of a terminal that is gone
        click.echo(f"error: {printable(message)}", err=True)
    sys.exit(exit_code)


def _open_standard_streams() -> None:
    """Make standard input, output and error usable.

    Streams that the caller has closed are opened as the null device, so that no later file gets
    their number. If standard error cannot be written to, its text is dropped without an error.
    """
    for number, stream in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, stream) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, stream, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    # A terminal that cannot show µ or × shows a replacement, not an error.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    raw = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)  # itself where it has no buffer
    if isinstance(raw, io.RawIOBase):
        dropping = io.BufferedWriter(_Dropping(raw, sys.stderr))
        sys.stderr = io.TextIOWrapper(dropping, sys.stderr.encoding, "replace", line_buffering=True)


class _Dropping(io.RawIOBase):
    """A stream that writes to another stream, and drops the data if that fails."""

    def __init__(self, stream: io.RawIOBase, owner: object) -> None:
        self._stream = stream
        self._owner = owner  # kept alive: it closes the stream when it is deleted

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, data: Any) -> int | None:
        try:
            return self._stream.write(data)
        except OSError:
            return len(data)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the first ending signal into KeyboardInterrupt; keep handlers that the caller has set.

    Later signals are ignored, so that the command can clean up and report.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    ours = [number for number in ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is interrupt:
                signal.signal(number, signal.SIG_DFL)


def _missing_library(error: Exception) -> str | None:
    """Return the library that an import did not find; None for any other error."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    library = error.name.partition(".")[0]
    return None if library == "perceptron" else library
