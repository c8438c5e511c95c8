"""The racing process: import, prepare, train to the target; then train once more.

Started as ``python -m perceptron.measure.race.racer``, with a `RaceJob` on standard input. What it
imports before its backend counts for every backend: nothing that serves measuring alone.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from math import isfinite
from typing import Any, cast

import msgspec

from perceptron.backends import registry
from perceptron.backends.protocol import Backend, Trainer, Unsupported, ranks_of, threads_of_each
from perceptron.errors import UserError
from perceptron.measure.race.messages import Looked, Message, RaceJob, Ready, Stopped, Trained
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.records.race import Check
from perceptron.waiting import WaitingMeter

Send = Callable[[Message], object]
Clock = Callable[[], float]


def main() -> None:
    """Race once, for the one job that comes, and leave."""
    # Only messages may reach the parent: what libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = msgspec.json.decode(_first_line(), type=RaceJob)
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def send(message: Message) -> None:
        answers.write(msgspec.json.encode(message) + b"\n")
        answers.flush()

    try:
        race(job, send)
    except Unsupported as reason:
        send(Stopped(status="skipped", reason=_line(reason)))
    except UserError as reason:
        send(Stopped(status="failed", reason=_line(reason)))
    except MemoryError:
        send(Stopped(status="failed", reason="out of memory"))
    except Exception as error:  # noqa: BLE001 an error of a backend costs it this row only
        send(Stopped(status="failed", reason=f"{type(error).__name__}: {_line(error)}"))
    # Unloading libraries and their threads takes up to a second and serves nothing.
    os._exit(0)


def race(job: RaceJob, send: Send, clock: Clock = time.monotonic) -> None:
    """Tell when each part was over, then how the trainings went.

    Nothing is looked at before the first iterations: what a backend does once would not count then.
    """
    backend = registry.load(job.backend)
    modules = [str(name) for name in getattr(backend, "imports", ())]
    for name in modules:
        importlib.import_module(name)
    imported = clock()
    problem = catalogue.find(job.problem).with_seed(job.seed)
    threads = threads_of_each(backend, job.threads)
    problem.parts()
    data = clock()
    # A backend that computes with fewer bits says so; whoever sends the job has asked it.
    trainer = backend.prepare(problem, cast(DType, job.dtype))
    prepared = clock()
    cached = getattr(backend, "prepared_from_cache", None)
    from_cache = None if cached is None else bool(cached())
    send(
        Ready(
            imported=imported, data=data, prepared=prepared, modules=modules, from_cache=from_cache
        )
    )
    waited = train(job, backend, trainer, send, clock)
    send(Trained(start="fresh", waited=waited))
    _assert_threads(backend, threads)
    trainer.reset()
    waited = train(job, backend, trainer, send, clock)
    send(Trained(start="resident", waited=waited))


def train(
    job: RaceJob, backend: Backend, trainer: Trainer, send: Send, clock: Clock
) -> float | None:
    """Train from where the trainer stands until the target is reached or the iterations are over.

    Tell each look at the held-out part, which is never counted. Return the share of the training's
    seconds that threads had to wait for a core; None where that is not known.
    """
    seconds, done = 0.0, 0
    # Of processes that train together this one's threads tell nothing.
    meter = _Waiting(None if ranks_of(backend) else WaitingMeter())
    with closing(meter):
        while done < job.iterations:
            step = min(job.check_iterations, job.iterations - done)
            meter.begin()
            begin = clock()
            trainer.train(step)
            seconds += clock() - begin
            meter.end()
            done += step
            check = _look(trainer, done, seconds)
            send(Looked(check=check))
            if job.target.is_reached(check):
                break
        return meter.share_of(seconds)


class _Waiting:
    """What threads waited while it was trained, added up over stretches."""

    def __init__(self, meter: WaitingMeter | None) -> None:
        self._meter = meter
        self._before: float | None = None
        self._seconds: float | None = 0.0

    def begin(self) -> None:
        if self._meter is not None:
            self._meter.refresh()
            self._before = self._meter()

    def end(self) -> None:
        after = None if self._meter is None else self._meter()
        known = None not in (after, self._before, self._seconds)
        self._seconds = (
            cast(float, self._seconds) + cast(float, after) - cast(float, self._before)
            if known
            else None
        )

    def share_of(self, seconds: float) -> float | None:
        return None if self._seconds is None or not seconds else self._seconds / seconds

    def close(self) -> None:
        if self._meter is not None:
            self._meter.close()


def _look(trainer: Trainer, iterations: int, seconds: float) -> Check:
    score = trainer.evaluate().test
    if score is None:
        raise UserError("nothing is held out, so no target can be reached")
    loss = float(score.loss)
    return Check(iterations, seconds, score.accuracy, loss if isfinite(loss) else None)


def _assert_threads(backend: Backend, threads: int) -> None:
    # It brings threadpoolctl, and what ranks need: nothing of which a training waits for.
    ranks: Any = importlib.import_module("perceptron.measure.ranks")
    ranks.assert_threads_of_each(backend, threads)


def _first_line() -> bytes:
    """Return the first line of standard input, which is not closed behind it."""
    line = b""
    while not line.endswith(b"\n") and (read := os.read(0, 65_536)):
        line += read
    return line


def _leave_with_parent() -> None:
    """Exit once standard input closes, as it does when the parent dies."""
    # Not through sys.stdin: a thread that waits inside it makes a failing interpreter abort.
    while os.read(0, 65_536):
        pass
    os._exit(0)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


if __name__ == "__main__":
    main()
