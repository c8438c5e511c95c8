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
    """Run a command; an error that the user can fix is one line on standard error, exit code 2.

    The exit code of `Inconclusive` is 3. SIGTERM, or a closed terminal, ends a command as
    ctrl-C does.
    """
    _open_standard_streams()
    failed = _FAILED
    try:
        with _told_to_end():
            code = app(list(arguments), standalone_mode=False) or 0
        sys.stdout.flush()
        sys.exit(code)
    except click.Abort:
        message = "interrupted; the rows measured so far are kept, and the same command resumes"
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
    except UserError as error:
        message = str(error)
        failed = INCONCLUSIVE if isinstance(error, Inconclusive) else _FAILED
    except OSError as error:  # a full disk behind standard output, most likely
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
    sys.exit(failed)


def _open_standard_streams() -> None:
    """See to it that standard output and error can be written to.

    What the caller has closed is nothing: a file that is opened later must not take its place. Of
    standard error, a full disk or a reader that is gone costs what is said there and no more.
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
    """A stream that writes to another what that takes, and drops the rest."""

    def __init__(self, stream: io.RawIOBase, owner: object) -> None:
        self._stream = stream
        self._owner = owner  # which closes the stream when it is gone

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
def _told_to_end() -> Iterator[None]:
    """Turn the first signal that ends a process into an interrupt; keep handlers of the caller.

    Signals that follow must not keep it from clearing up and reporting.
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
    """Return the missing library of a checkout that is not installed."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    library = error.name.partition(".")[0]
    return None if library == "perceptron" else library
