"""Starting the processes of an arm, and surviving whatever becomes of them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import msgspec
from msgspec import Struct

from perceptron.errors import UserError

Kind = Literal[
    "start",
    "loaded",
    "taken",
    "benchmark",
    "environment",
    "end",
    "no runner",
    "failed",
    "silent",
    "died",
]
# To start an interpreter, and to import what a suite needs.
START_SECONDS = 120.0
# Bytecode of another place is found by the path of its source, and in ours the arms take turns: an
# arm would run what the other one compiled.
_UNWANTED = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH")
_PROGRAM = Path(__file__).parents[1] / "runner" / "program.py"


class Answer(Struct, frozen=True, kw_only=True):
    """One line of an arm, or how it ended: ``silent`` and ``died`` are said by its parent."""

    kind: Kind
    key: str = ""
    reason: str | None = None
    own: bool = False
    strangers: list[str] = []
    seconds: float = 0.0
    """How long it was silent."""
    content: dict[str, Any] = {}
    """All that was said."""


def ask(
    python: str,
    job: dict[str, Any],
    hash_seed: int | None,
    limit: Callable[[str], float],
) -> Iterator[Answer]:
    """Answers as they come; the last one is how it ended.

    ``limit`` gives the seconds that a benchmark may take, by its key. The process and all that it
    started are gone when this ends, however it ends. Raises `UserError` if it cannot be started.
    """
    with tempfile.TemporaryFile() as messages:
        process = _start(python, messages, hash_seed)
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            lines = _lines(process.stdout)
            with contextlib.suppress(BrokenPipeError):  # it died at once; below it is said why
                process.stdin.write(msgspec.json.encode(job) + b"\n")
                process.stdin.flush()  # and stays open: the arm ends when it closes
            yield from _listen(process, lines, messages, limit)
        finally:
            _end(process)


def _listen(
    process: subprocess.Popen[bytes],
    lines: queue.Queue[bytes | None],
    messages: IO[bytes],
    limit: Callable[[str], float],
) -> Iterator[Answer]:
    seconds = START_SECONDS
    while True:
        try:
            line = lines.get(timeout=seconds)
        except queue.Empty:
            yield Answer(kind="silent", reason=f"no answer within {seconds:g} s", seconds=seconds)
            return
        answer = None if line is None else _understand(line)
        if answer is None:
            yield Answer(kind="died", reason=_why(process, messages))
            return
        yield answer
        if answer.kind in {"end", "failed", "no runner"}:
            return
        # What a benchmark imports is not its own time; an import has as long as a start.
        seconds = limit(answer.key) if answer.kind == "loaded" else START_SECONDS


def _understand(line: bytes) -> Answer | None:
    """None for what is no answer: somebody else wrote there, and nothing more can be believed."""
    try:
        content = msgspec.json.decode(line)
        return msgspec.convert({**content, "content": content}, type=Answer)
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError, UnicodeDecodeError):
        return None


def _start(python: str, messages: IO[bytes], hash_seed: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [python, str(_PROGRAM)],
            env=variables(hash_seed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,  # ctrl-C is for us; we then end the whole group
        )
    except OSError as error:
        raise UserError(f"{python}: cannot be started: {error.strerror}; name a Python") from None


def variables(hash_seed: int | None) -> dict[str, str]:
    """The environment of an arm: the user's, but for what would mix the arms up."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    if hash_seed is not None:
        kept.setdefault("PYTHONHASHSEED", str(hash_seed))
    return kept


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # of a leader that has gone, the others still are
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _lines(stream: IO[bytes]) -> queue.Queue[bytes | None]:
    """Lines as they come, then None; a queue, because a pipe cannot be waited for with a limit."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _why(process: subprocess.Popen[bytes], messages: IO[bytes]) -> str:
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "it closed its output and went on"
    if code < 0:
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (
            " (out of memory?)" if name == "SIGKILL" else ""
        )
    messages.seek(0)
    said = messages.read().decode(errors="replace").strip().splitlines()
    return f"its process exited with {code}" + (f": {said[-1][:300]}" if said else "")
