"""The program of a side: started with a job, and read until it ends, whatever ends it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.gate.side_variables import side_variables
from perceptron.processes.supervision import ChildProcess, describe_exit

Told = Literal["start", "loaded", "measurement", "benchmark", "unloadable", "environment", "seen"]
Last = Literal["end", "no runner", "failed"]
Kind = Literal[Told, Last, "silent", "died"]
# To start an interpreter, and to import what a suite needs.
START_SECONDS = 120.0
# Between closing its output and its end.
_SECONDS_TO_EXIT = 5.0
_ENDLESS = 10**9
# A bytecode cache elsewhere is keyed by the path of the source. Trees exchange folders, so a side
# would run another side's bytecode.
_UNWANTED = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH")
_PROGRAM = Path(__file__).parents[1] / "runner" / "program.py"


class Answer(Struct, frozen=True, kw_only=True):
    """A line of a program, or how it ended: ``silent`` and ``died`` come from its parent."""

    kind: Kind
    key: str = ""
    reason: str | None = None
    from_tree: bool = False
    foreign: list[str] = []
    seconds: float = 0.0
    """Seconds of silence."""
    wall_seconds: float = 0.0
    """Seconds of a benchmark."""
    content: dict[str, Any] = {}
    """All fields of the line."""


@dataclass(frozen=True)
class Seeds:
    """The seeds of the processes of a block: equal in all sides."""

    hash: int | None
    """PYTHONHASHSEED; None leaves it to the user."""
    draw: int | None = None
    """Seed of random numbers; None leaves them unseeded."""


UNSEEDED = Seeds(None)


@dataclass(frozen=True)
class Instrument:
    """How a program is run: words before the interpreter's, variables, fields of its job.

    ``kind`` is its task: discover, cache, measure, count, trace, profile or watch.
    """

    kind: str
    command: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    job: Mapping[str, Any] = field(default_factory=dict)
    unwanted: Sequence[str] = ()
    """Variables to remove from its environment."""
    start_seconds: float = START_SECONDS
    """Time to start, and to import what a suite needs."""


class Program:
    """A running program of a side. `end` kills it and all that it started.

    Raises `UserError` if it cannot be started.
    """

    def __init__(
        self,
        python: str,
        job: Mapping[str, Any],
        seeds: Seeds,
        instrument: Instrument,
    ) -> None:
        unwanted = {*_UNWANTED, *instrument.unwanted}
        variables = {
            name: value for name, value in side_variables().items() if name not in unwanted
        }
        if seeds.hash is not None:
            variables.setdefault("PYTHONHASHSEED", str(seeds.hash))
        environment = {**variables, **instrument.variables}
        command = [*instrument.command, python, str(_PROGRAM)]
        try:
            self._process = ChildProcess(command, environment, own_group=True)
        except OSError as error:
            raise UserError(
                f"{command[0]}: cannot be started: {error.strerror}; name another, or install it"
            ) from None
        self._start_seconds = instrument.start_seconds
        self._end = time.monotonic() + instrument.job.get("seconds", _ENDLESS)
        self._watched = "watched" in job
        task = {"kind": instrument.kind, "draw": seeds.draw, **instrument.job}
        self._process.send(msgspec.json.encode({**job, **task}))

    def answers(self, limit: Callable[[str], float]) -> Iterator[Answer]:
        """Yield answers as they come; the last reports how the program ended.

        ``limit`` gives the seconds that a benchmark may take, by its key.
        """
        try:
            yield from self._listen(limit)
        finally:
            self.end()

    def end(self) -> None:
        """Kill the program. A thread that waits for its answers is notified."""
        self._process.end()

    def _listen(self, limit: Callable[[str], float]) -> Iterator[Answer]:
        seconds = self._start_seconds
        since = time.monotonic()
        while True:
            # This program's time passes while the other side is read.
            seconds = min(seconds, max(1, round(self._end - since)))
            try:
                line = self._process.read_line(max(0.0, since + seconds - time.monotonic()))
            except TimeoutError:
                reason = f"no answer within {seconds:g} s"
                yield Answer(kind="silent", reason=reason, seconds=seconds)
                return
            since = time.monotonic()
            answer = None if line is None else _decode(line)
            # Code of a side can write here too: an answer that was not requested ends the program.
            if answer is None or (answer.kind == "seen" and not self._watched):
                yield Answer(kind="died", reason=_why(self._process))
                return
            yield answer
            if answer.kind in get_args(Last):
                return
            # Imports do not count for a benchmark's time; an import may take as long as a start.
            seconds = limit(answer.key) if answer.kind == "loaded" else self._start_seconds


# Required fields of each kind of answer, beside those of `Answer`.
_FIELDS: dict[str, dict[str, type]] = {
    "benchmark": {"name": str, "params": list},
    "unloadable": {"module": str, "file": str},
    "measurement": {"status": str},
    "environment": {"versions": dict, "used": dict},
}


def _decode(line: bytes) -> Answer | None:
    """Return the answer; None for other output, after which no line can be trusted."""
    try:
        content = msgspec.json.decode(line)
        answer = msgspec.convert({**content, "content": content}, type=Answer)
        types = _FIELDS.get(answer.kind, {})
        return answer if all(isinstance(content[name], types[name]) for name in types) else None
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError, RecursionError):
        return None


def _why(process: ChildProcess) -> str:
    try:
        code = process.wait(_SECONDS_TO_EXIT)
    except subprocess.TimeoutExpired:
        return "it closed its output and kept running"
    message = process.last_message() if code >= 0 else ""
    return f"its process {describe_exit(code)}" + (f": {message[:300]}" if message else "")
