"""Worker processes: starting them, sending jobs, and handling their failures."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import inf
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.protocol import Backend, thread_variables
from perceptron.errors import UserError, in_one_line
from perceptron.measure.job import Call, Estimator, Job, Outcome, Race, Running
from perceptron.measure.revision import measuring_code
from perceptron.problems.datasets import DATA_FOLDER
from perceptron.processes import fresh_python
from perceptron.processes.supervision import ChildProcess, describe_exit, end_all, last_line
from perceptron.processes.this_process import ended_with_us
from perceptron.records.files.lock import temporary_folder
from perceptron.records.race import RaceTimes

# The slowest size takes a few seconds; a compiler may take a minute. Longer silence is a hang.
TIMEOUT_SECONDS = 180.0
# After these errors CUDA refuses every further call of a process, as PyTorch may after a recording
# that failed: in the words of all libraries.
_SPOILT = (
    *("illegal memory access", "ILLEGAL_ADDRESS", "misaligned address", "MISALIGNED_ADDRESS"),
    *("illegal instruction", "ILLEGAL_INSTRUCTION", "device-side assert", "ERROR_ASSERT"),
    *("launch failure", "LAUNCH_FAILED", "launch timed out", "LAUNCH_TIMEOUT"),
    *("uncorrectable ECC", "graph could not be recorded"),
)
_COMMAND = fresh_python.command("perceptron.measure.worker")
# A worker exits when its standard input closes, unless it is stuck.
_SECONDS_TO_LEAVE = 1.0

# Several workers of functions share a device, of which JAX by default takes 3/4 of the memory.
_SHARED_DEVICE = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

SecondsLeft = Callable[[], float]
_Answer = TypeVar("_Answer", Outcome, RaceTimes)


class Abandoned(Exception):
    """The time was over while a worker ran its job: it was ended without an outcome."""

    def __init__(self, backend: str, subject: str | None = None) -> None:
        super().__init__(f"{backend} did not end in time")
        self.backend = backend
        self.subject = subject
        """The subject of its job; None if it was still starting."""
        self.workers: tuple[Hashable, ...] = ()
        """The names of all workers that did not start in time, if several were started together."""


def run_job(job: Job) -> Outcome:
    """Run a job in a fresh process, which ends afterwards, and return the outcome."""
    with Workers() as workers:
        return workers.run("", job)


def run_race(job: Race, seconds_left: SecondsLeft = lambda: inf) -> RaceTimes:
    """Run a race in a fresh process; a failure of any kind becomes the answer.

    Raises `Abandoned` when no ``seconds_left`` remain.
    """
    try:
        environment = _environment(job)
    except Exception as error:  # noqa: BLE001 untrusted code may do anything
        return RaceTimes(status="failed", reason=_environment_failed(error))
    begun = time.monotonic()
    worker = _Worker(environment, seconds_left)
    try:
        worker.send(replace(job, begun=begun))
        return worker.answer(job, RaceTimes)
    finally:
        worker.process.end(0.0 if worker.ended else _SECONDS_TO_LEAVE)


class Workers:
    """Worker processes that stay when their job is done, so that a study can use them again.

    Starting a process takes seconds and adds variance between processes: a study that chooses its
    next jobs by results reuses processes. When the context ends, all of them end, and their shared
    files are removed: large data, reference results and, if jobs allow it, compiled code. Checks
    never share compiled code, so that the first repeat compiles.
    When no ``seconds_left`` remain, waiting for a worker raises `Abandoned`.
    """

    def __init__(self, seconds_left: SecondsLeft = lambda: inf) -> None:
        self._seconds_left = seconds_left
        self._alive: dict[Hashable, _Worker] = {}
        self._can_start: set[Hashable] = set()
        self._failed_to_start: dict[Hashable, Outcome] = {}
        self._patience = _SECONDS_TO_LEAVE
        self._stack = contextlib.ExitStack()
        self._shared: str | None = None
        """The folder of shared files."""

    def __enter__(self) -> Workers:
        self._shared = str(self._stack.enter_context(temporary_folder()))
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self.end(*self._alive)

    def warm(self, jobs: Mapping[Hashable, Job]) -> None:
        """Start the workers of ``jobs`` that do not run, all at once, and wait for them.

        Importing takes most of a worker's start, and nothing is measured meanwhile. A failure is
        reported when the worker runs a job. Raises `Abandoned`; workers that started in time stay.
        """
        self._failed_to_start.clear()
        started = {}
        for name, job in jobs.items():
            if name in self._alive:
                continue
            with contextlib.suppress(Exception):  # untrusted code may do anything
                worker = self._start(name, _environment(job, self._shared))
                started[name] = (worker, job)
                worker.send(replace(job, step="start"))
        late: dict[Hashable, Abandoned] = {}
        for name, (worker, job) in started.items():
            try:
                if worker.answer(job, Outcome).status == "ok":
                    self._can_start.add(name)
                else:
                    self.end(name)
            except Abandoned:
                late[name] = Abandoned(job.backend)
        for abandoned in late.values():
            abandoned.workers = tuple(late)
            self._patience = 0.0
            self.end(*late)  # their late answers would be taken for those of later jobs
            raise abandoned

    def run(self, name: Hashable, job: Job) -> Outcome:
        """Run a job in the process ``name`` and return the outcome.

        All jobs of a process have the same backend, dtype and number of threads. If it crashes or
        hangs, or if its device refuses further calls, the next job gets a fresh process; if it
        could not start, later jobs fail with the same outcome. Raises `Abandoned`.
        """
        if name in self._failed_to_start:
            return self._failed_to_start[name]
        worker = self._alive.get(name)
        if worker is None or worker.ended or worker.asked not in (None, job):
            self.end(name)
            try:
                environment = _environment(job, self._shared)
            except Exception as error:  # noqa: BLE001 untrusted code may do anything
                return Outcome(status="failed", reason=_environment_failed(error))
            worker = self._start(name, environment)
        try:
            if worker.asked is None:
                worker.send(job)
            worker.asked = None
            outcome = worker.answer(job, Outcome)
        except Abandoned:
            self._patience = 0.0
            self.end(name)
            raise
        if not worker.has_exited:
            self._can_start.add(name)
        elif name not in self._can_start:  # else it is the job that ended it
            self._failed_to_start[name] = outcome
        # A process that failed so cannot run another job.
        is_spoilt = any(phrase in (outcome.reason or "") for phrase in _SPOILT)
        if worker.ended or (is_spoilt and outcome.status == "failed"):
            self.end(name)
        return outcome

    def ask(self, name: Hashable, job: Job) -> None:
        """Send a job to a running process; `run` waits for the answer."""
        worker = self._alive.get(name)
        if worker is not None and not worker.ended and worker.asked is None:
            worker.send(job)
            worker.asked = job

    def _start(self, name: Hashable, environment: dict[str, str]) -> _Worker:
        self._alive[name] = _Worker(environment, self._seconds_left)
        return self._alive[name]

    def end(self, *names: Hashable) -> None:
        """End the processes of these names, if they run.

        They share a grace period, which is 0 after a job was abandoned.
        """
        workers = [self._alive.pop(name) for name in names if name in self._alive]
        if workers:
            patience = max(0.0, min(self._patience, self._seconds_left()))
            end_all([worker.process for worker in workers], patience)


def _environment_failed(error: Exception) -> str:
    return f"environment() cannot be asked: {in_one_line(error)}"


def _environment(job: Job, shared: str | None = None) -> dict[str, str]:
    """Return the environment of a job's worker; functions and estimators have no backend.

    ``shared`` is the folder of the workers' shared files.
    """
    backend = None if isinstance(job, Call | Estimator) else registry.load(job.backend)
    variables = worker_environment(backend, job.threads)
    if shared is None:
        return variables
    compiled_in = getattr(backend, "compiled_in", None)
    if compiled_in is not None and job.shares_compiled and job.step != "check":
        variables |= compiled_in(shared)
    return variables | {DATA_FOLDER: shared}


def worker_environment(backend: Backend | None, threads: int) -> dict[str, str]:
    """Return the environment of a worker: this process's, with the variables of the backend.

    Without a backend the variables are those that set the number of threads.

    Raises TypeError if the backend's variables are not text.
    """
    variables = (
        backend.environment(threads) if backend else thread_variables(threads) | _SHARED_DEVICE
    )
    if not all(isinstance(text, str) for pair in variables.items() for text in pair):
        raise TypeError("environment() must give a dict[str, str]")
    return os.environ | variables


def printed(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> bytes:
    """Run a command in a fresh Python process, and return its standard output.

    Raises `UserError` if it fails, and subprocess.TimeoutExpired after ``seconds``.
    """
    with tempfile.TemporaryFile() as messages:
        process = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            check=False,
            timeout=seconds,
        )
        if process.returncode != 0:
            raise UserError(f"cannot start a fresh Python process: {last_line(messages)}")
    return process.stdout


def _require_ours(line: bytes) -> None:
    """Raise `UserError` unless a worker's first line has the digest of this process's code."""
    ours = measuring_code()
    other_code = "another copy"
    with contextlib.suppress(msgspec.DecodeError):
        running = msgspec.json.decode(line, type=Running)
        if running.code == ours:
            return
        other_code = f"{running.package} (now {running.code}, {ours} when the command began)"
    raise UserError(
        f"a worker process would run other code than this command: {other_code}: nothing of it was "
        "kept; start the command again"
    )


class _Worker:
    """A worker process, from its start to its end."""

    def __init__(self, environment: dict[str, str], seconds_left: SecondsLeft) -> None:
        self.process = ChildProcess(_COMMAND, environment)
        self._seconds_left = seconds_left
        self._hangs = False
        self._is_ours = False
        self.asked: Job | None = None
        """A job that was sent, but whose answer is not waited for yet."""
        self.has_exited = False
        """Whether it has ended by itself, not by a signal."""

    @property
    def ended(self) -> bool:
        """Whether it can run no more jobs."""
        return self._hangs or self.process.has_ended

    def send(self, job: Job) -> None:
        """Hand over a job."""
        self.process.send(msgspec.json.encode(job))

    def answer(self, job: Job, kind: type[_Answer]) -> _Answer:
        """Return its answer to a job that was sent, or a failed ``kind`` with the reason.

        The job fails if the worker ends, or sends no line for `TIMEOUT_SECONDS`, not even an empty
        one. Raises `Abandoned` when no seconds are left, and `UserError` if the worker runs other
        code than this process.
        """
        while True:
            remaining = self._seconds_left()
            try:
                line = self.process.read_line(max(0.0, min(TIMEOUT_SECONDS, remaining)))
                if line is None:
                    return kind(status="failed", reason=self._reason_of_end())
                if line.strip() and not self._is_ours:
                    _require_ours(line)
                    self._is_ours = True
                elif line.strip():
                    return msgspec.json.decode(line, type=kind)
            except (TimeoutError, msgspec.DecodeError) as error:
                self._hangs = True
                if isinstance(error, TimeoutError) and remaining < TIMEOUT_SECONDS:
                    raise Abandoned(job.backend, job.subject) from None
                return kind(status="failed", reason=str(error))

    def _reason_of_end(self) -> str:
        code = self.process.wait()
        if ended_with_us(code):
            raise KeyboardInterrupt
        self.has_exited = code >= 0
        reason = f"the worker {describe_exit(code)}"
        if code >= 0:
            reason = f"{reason}: {self.process.last_message() or 'no message'}"
        return reason[:500]
