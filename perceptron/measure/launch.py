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
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from perceptron.backends.protocol import Backend
from perceptron.measure.job import Job, Outcome

# Our slowest size takes a few seconds; a compiler may take a minute. Silence beyond is a hang.
TIMEOUT_SECONDS = 180.0
# A worker that nobody asks any more leaves by itself, unless it is stuck.
_SECONDS_TO_LEAVE = 1.0


def run_job(
    job: Job, backend: Backend, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Outcome]:
    """Yield an outcome for every problem of the job, each as soon as it is there.

    The process is a fresh one and ends with the job.
    """
    with Workers() as workers:
        yield from workers.run("", job, backend, timeout_seconds)


class Workers:
    """Processes that stay when their job is done, so that a study can ask them again.

    Starting one takes seconds, and what it adds is uncertainty between processes: a study that
    decides by its results what to measure next asks the same processes. All end with the context.
    """

    def __init__(self) -> None:
        self._alive: dict[Hashable, _Worker] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._alive):
            self._end(name)

    def warm(self, wanted: Mapping[Hashable, tuple[Job, Backend]]) -> None:
        """Start those of these workers that are not there, all at once, and wait for them.

        Importing takes most of a worker's start, and nothing is measured meanwhile. What goes wrong
        is told when the worker is asked.
        """
        started = {}
        for name, (job, backend) in wanted.items():
            if name in self._alive:
                continue
            with contextlib.suppress(Exception):  # a stranger's method may do anything
                worker = _Worker(worker_environment(backend, job.threads))
                self._alive[name] = worker
                empty = msgspec.structs.replace(job, problems=["or-gate"], extra="harness")
                started[name] = (worker, empty)
                worker.send(empty)
        for name, (worker, empty) in started.items():
            if any(outcome.status != "ok" for outcome in worker.answers(empty, TIMEOUT_SECONDS)):
                self._end(name)

    def run(
        self,
        name: Hashable,
        job: Job,
        backend: Backend,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Iterator[Outcome]:
        """Outcomes from the process called ``name``, which serves one backend, dtype and threads.

        A worker that crashes or hangs costs the problem it was at; a fresh one goes on.
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
            worker = self._alive.get(name)
            if worker is None or worker.ended:
                self._end(name)
                worker = self._alive[name] = _Worker(environment)
            todo = msgspec.structs.replace(job, problems=list(left))
            answered = False
            try:
                for outcome in worker.ask(todo, timeout_seconds):
                    left.remove(outcome.problem)
                    yield outcome
                answered = True
            finally:
                if worker.ended or not answered:  # by itself, or nobody waits for it any more
                    self._end(name)

    def _end(self, name: Hashable) -> None:
        worker = self._alive.pop(name, None)
        if worker is not None:
            worker.end()


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


class _Worker:
    """One worker process, from its start to its end."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 closed by end()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perceptron.measure.worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin
        self._answers = self._process.stdout
        self._lines = _lines(self._answers)
        self._hangs = False

    @property
    def ended(self) -> bool:
        """Whether it is of no more use."""
        return self._hangs or self._process.poll() is not None

    def ask(self, job: Job, timeout: float) -> Iterator[Outcome]:
        """Outcomes of one job, ending with why it ended early if it did. Never yields nothing."""
        self.send(job)
        yield from self.answers(job, timeout)

    def send(self, job: Job) -> None:
        """Hand over a job."""
        with contextlib.suppress(BrokenPipeError):  # it died at once; its answers will say why
            self._requests.write(msgspec.json.encode(job) + b"\n")
            self._requests.flush()  # and stays open: the worker ends when it closes

    def answers(self, job: Job, timeout: float) -> Iterator[Outcome]:
        """The outcomes of a job that was sent."""
        left = list(job.problems)
        while left:
            try:
                line = self._lines.get(timeout=timeout)
            except queue.Empty:
                self._hangs = True
                reason = f"no answer within {timeout:g} s"
                yield Outcome(problem=left[0], status="failed", reason=reason)
                return
            if line is None:
                started = len(left) < len(job.problems)
                code = self._process.wait()
                yield from _ended_early(code, left[:1] if started else left, self._messages)
                return
            outcome = msgspec.json.decode(line, type=Outcome)
            left.remove(outcome.problem)
            yield outcome

    def end(self) -> None:
        """Make sure that the process is gone."""
        with contextlib.suppress(OSError):  # what was not written is of no use any more
            self._requests.close()
        try:
            self._process.wait(timeout=_SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._answers, self._messages):
            stream.close()


def _lines(stream: IO[bytes]) -> queue.Queue[bytes | None]:
    """Lines as they come, then None; a queue, because a pipe cannot be waited for with a limit."""
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError, OSError):  # closed: nobody waits for it any more
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
