"""Starting worker processes, and surviving whatever becomes of them."""

from __future__ import annotations

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
from perceptron.measure.memory import KEEP_FREED_MEMORY

# Our slowest size takes a few seconds; a compiler may take a minute. Silence beyond is a hang.
TIMEOUT_SECONDS = 180.0


def run_job(
    job: Job, backend: Backend, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Outcome]:
    """Yield an outcome for every problem of the job, each as soon as it is there.

    A worker that crashes or hangs costs the problem it was at; a fresh one goes on with the rest.
    """
    left = list(job.problems)
    while left:
        todo = msgspec.structs.replace(job, problems=list(left))
        for outcome in _run_worker(todo, worker_environment(backend, job.threads), timeout_seconds):
            left.remove(outcome.problem)
            yield outcome


def worker_environment(backend: Backend, threads: int) -> dict[str, str]:
    """The environment of a worker: ours, steady memory, and what the backend asks for."""
    ours = str(Path(__file__).parents[2])  # so that a bare checkout's workers find it too
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    return os.environ | KEEP_FREED_MEMORY | backend.environment(threads) | {"PYTHONPATH": path}


def _run_worker(job: Job, environment: dict[str, str], timeout: float) -> Iterator[Outcome]:
    """Outcomes of one worker, ending with why it ended early if it did. Never yields nothing."""
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [sys.executable, "-m", "perceptron.measure.worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()  # and stays open: the worker ends when it closes
        except BrokenPipeError:
            pass  # it died at once; why is told below
        lines = _lines(process.stdout)
        left = list(job.problems)
        try:
            while left:
                line = lines.get(timeout=timeout)
                if line is None:
                    process.wait()
                    yield from _ended_early(process.returncode, left, messages)
                    return
                outcome = msgspec.json.decode(line, type=Outcome)
                left.remove(outcome.problem)
                yield outcome
        except queue.Empty:
            yield Outcome(
                problem=left[0], status="failed", reason=f"no answer within {timeout:g} s"
            )
        finally:
            if left:
                process.kill()


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
    if code < 0:  # by a signal: this problem's doing, the others may go on
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
