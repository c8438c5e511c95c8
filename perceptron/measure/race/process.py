"""One racing process: started by a clock that it shares, followed, and survived."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from perceptron.backends.protocol import Backend
from perceptron.measure.launch import (
    TIMEOUT_SECONDS,
    Abandoned,
    SecondsLeft,
    no_end,
    worker_environment,
)
from perceptron.measure.race.messages import Looked, Message, RaceJob, Ready, Stopped
from perceptron.records.race import Check, RaceTimes, Training
from perceptron.supervision import ChildProcess, describe_exit
from perceptron.told_to_end import ended_with_us

_COMMAND = (sys.executable, "-m", "perceptron.measure.race.racer")
# It leaves at once when it has nothing more to say.
_SECONDS_TO_LEAVE = 1.0


class Racer(Protocol):
    """A process as `supervision.ChildProcess` is one."""

    def send(self, line: bytes) -> None: ...
    def read_line(self, timeout_seconds: float) -> bytes | None: ...
    def wait(self) -> int: ...
    def last_message(self) -> str: ...
    def end(self, patience_seconds: float) -> None: ...


def run_race(
    job: RaceJob,
    backend: Backend,
    timeout_seconds: float = TIMEOUT_SECONDS,
    seconds_left: SecondsLeft = no_end,
    clock: Callable[[], float] = time.monotonic,
    start: Callable[[Sequence[str], Mapping[str, str]], Any] = ChildProcess,
) -> RaceTimes:
    """Race once in a fresh process; whatever goes wrong with it becomes its answer.

    ``clock`` has to be one that all processes share, as the monotonic one of an operating system
    is. A process that says nothing for ``timeout_seconds`` hangs. Raises `Abandoned` once there are
    no ``seconds_left``.
    """
    try:
        environment = worker_environment(backend, job.threads)
    except Exception as error:  # noqa: BLE001 untrusted code may do anything
        return _failed(f"environment() cannot be asked: {type(error).__name__}: {error}")
    begun = clock()
    process: Racer = start(_COMMAND, environment)
    patience = 0.0
    try:
        process.send(msgspec.json.encode(job))
        times = _followed(process, job, begun, timeout_seconds, seconds_left)
        patience = _SECONDS_TO_LEAVE if times.status == "ok" else 0.0
        return times
    finally:
        process.end(patience)


def _followed(
    process: Racer,
    job: RaceJob,
    begun: float,
    timeout_seconds: float,
    seconds_left: SecondsLeft,
) -> RaceTimes:
    decode = msgspec.json.Decoder(Message).decode
    parts: dict[str, Any] = {}
    checks: list[Check] = []
    while True:
        remaining = seconds_left()
        try:
            line = process.read_line(max(0.0, min(timeout_seconds, remaining)))
        except TimeoutError as error:
            if remaining < timeout_seconds:
                raise Abandoned(job.backend, job.problem) from None
            return _failed(str(error))
        if line is None:
            return _failed(_why_it_ended(process))
        message = decode(line)
        if isinstance(message, Stopped):
            return RaceTimes(status=message.status, reason=message.reason)
        if isinstance(message, Looked):
            checks.append(message.check)
        elif isinstance(message, Ready):
            parts |= {
                "import_seconds": message.imported - begun,
                "prepare_seconds": message.prepared - message.imported,
                "data_seconds": message.data - message.imported,
                "modules": message.modules,
                "prepared_from_cache": message.from_cache,
            }
        else:
            parts[message.start] = Training(checks=checks, waited=message.waited)
            checks = []
            if message.start == "resident":
                return RaceTimes(**parts)


def _why_it_ended(process: Racer) -> str:
    code = process.wait()
    if ended_with_us(code):
        raise KeyboardInterrupt
    reason = f"the process {describe_exit(code)}"
    return reason if code < 0 else f"{reason}: {process.last_message() or 'no message'}"


def _failed(reason: str) -> RaceTimes:
    return RaceTimes(status="failed", reason=" ".join(reason.split())[:500])
