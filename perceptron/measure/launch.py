"""Starting worker processes, and surviving whatever becomes of them."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from perceptron.backends.protocol import Backend
from perceptron.measure.job import Job, Outcome

# Our slowest size takes a few seconds; a compiler may take a minute. Silence beyond is a hang.
TIMEOUT_SECONDS = 180.0


def run_job(
    job: Job, backend: Backend, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Outcome]:
    """Yield an outcome for every problem of the job, each as soon as it is there.

    A worker that crashes or hangs costs the problem it was at; a fresh one goes on with the rest.
    """
    try:
        environment = worker_environment(backend, job.threads)
    except Exception as error:  # noqa: BLE001 a stranger's method may do anything
        reason = f"environment() cannot be asked: {type(error).__name__}: {error}"
        for problem in job.problems:
            yield Outcome(problem=problem, status="failed", reason=" ".join(reason.split()))
        return
    left = list(job.problems)
    while left:
        todo = msgspec.structs.replace(job, problems=list(left))
        for outcome in _run_worker(todo, environment, timeout_seconds):
            left.remove(outcome.problem)
            yield outcome


def worker_environment(backend: Backend, threads: int) -> dict[str, str]:
    """The environment of a worker: ours, and what the backend asks for.

    Raises TypeError if the backend's variables are not text.
    """
    asked = backend.environment(threads)
    if not all(isinstance(word, str) for pair in asked.items() for word in pair):
        raise TypeError("environment() must give a dict[str, str]")
    ours = str(Path(__file__).parents[2])  # so that a bare checkout's workers find it too
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    return os.environ | asked | {"PYTHONPATH": path}


def _run_worker(job: Job, environment: dict[str, str], timeout: float) -> Iterator[Outcome]:
    """Outcomes of one worker, ending with why it ended early if it did. Never yields nothing."""
    with tempfile.TemporaryFile() as messages, _worker(environment, messages) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; why is told below
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()  # and stays open: the worker ends when it closes
        lines = _lines(process.stdout)
        left = list(job.problems)
        while left:
            try:
                line = lines.get(timeout=timeout)
            except queue.Empty:
                reason = f"no answer within {timeout:g} s"
                yield Outcome(problem=left[0], status="failed", reason=reason)
                return
            if line is None:
                started = len(left) < len(job.problems)
                yield from _ended_early(process.wait(), left[:1] if started else left, messages)
                return
            outcome = msgspec.json.decode(line, type=Outcome)
            left.remove(outcome.problem)
            yield outcome


@contextlib.contextmanager
def _worker(environment: dict[str, str], messages: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process that is gone when the context is left, in whatever way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perceptron.measure.worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=messages,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not written is of no use any more
                    stream.close()


def _lines(stream: IO[bytes]) -> queue.Queue[bytes | None]:
    """Lines as they come, then None; a queue, because a pipe cannot be waited for with a limit."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _ended_early(code: int, left: list[str], messages: IO[bytes]) -> Iterator[Outcome]:
    """Why: for the first problem if a signal ended it, for all ``left`` if it could not start."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        reason = f"the worker was ended by {name}{hint}"
        yield Outcome(problem=left[0], status="failed", reason=reason)
        return
    messages.seek(0)
    said = messages.read().decode(errors="replace").strip().splitlines()
    reason = f"the worker exited with {code}: {said[-1] if said else 'no message'}"
    for problem in left:
        yield Outcome(problem=problem, status="failed", reason=reason[:500])
