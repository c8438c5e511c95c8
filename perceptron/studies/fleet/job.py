"""The job on a node: the command line, with folders and a name of its own.

submitit pickles a `MeasuringJob` by its name, so that a node needs this package and nothing else.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from msgspec.structs import replace

from perceptron import rehearsal
from perceptron.machine import folder_name, machine_name
from perceptron.studies.fleet.folder import JobFolder, Note, Submission, last_line

_CUDA_DEVICES = "CUDA_VISIBLE_DEVICES"
# Exit codes of a command that did its work: with bad news, or inconclusive, too.
_ANSWERED = frozenset({0, 1, 3})
_FAILED = 2


class JobFailed(Exception):
    """The command did not do its work; the text is its reason, which it has printed already."""


@dataclass
class _Interruption:
    """Why a job was told to end before it was done; at first not at all."""

    is_requeued: bool = False
    is_cancelled: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class MeasuringJob:
    """Called on a node, it runs the command of a job's folder.

    Its rows are on disk however it ends, and the next attempt resumes.
    """

    folder: str

    def checkpoint(self) -> Any:
        """Return what submitit queues again when the node is taken away: this job."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def __call__(self) -> None:
        """Run the command; raises `JobFailed` if that did not do its work."""
        from submitit import JobEnvironment

        job, node = JobFolder(Path(self.folder)), JobEnvironment()
        attempt, rank = node.job_id, node.global_rank
        submission = job.submission()
        machine = machine_of(job, submission)
        note = Note(
            machine=rehearsal.machine_label(machine),
            state="running",
            budget_seconds=submission.budget_seconds,
        )
        done = replace(note, state="done")
        if done in job.notes():  # the other nodes of this job are what is left to do
            job.write_note(attempt, rank, done)
            return
        job.write_note(attempt, rank, note)
        _show_devices(submission)
        with _interruptible(node.USR_SIG) as interruption:
            code = _run_perceptron(
                [
                    *submission.arguments,
                    *("--results", str(job.results)),
                    *("--machine", machine),
                    *("--html", ""),
                ]
            )
        if interruption.is_requeued:
            job.write_note(attempt, rank, replace(note, state="preempted"))
            sys.exit(code)
        if interruption.reason is not None:
            reason = "its time limit was over: the same command resumes"
            job.write_note(attempt, rank, replace(note, state="timed out", reason=reason))
            raise JobFailed(interruption.reason)
        if code not in _ANSWERED and interruption.is_cancelled:
            reason = "it was told to end: the same command resumes"
            job.write_note(attempt, rank, replace(note, state="cancelled", reason=reason))
            raise JobFailed(reason)
        if code not in _ANSWERED:
            sys.stderr.flush()
            reason = last_line(node.paths.stderr) or f"exited with {code}"
            reason = reason.removeprefix("error: ")
            job.write_note(attempt, rank, replace(note, state="failed", reason=reason))
            raise JobFailed(reason)
        job.write_note(attempt, rank, done)


def machine_of(job: JobFolder, submission: Submission) -> str:
    """Return the name of the machine that this process runs on, fit for a folder."""
    if submission.machine is not None:
        return submission.machine
    if submission.where == "local":
        return folder_name(f"{machine_name()[:48]}-{job.name}")
    # Where a cluster names a node otherwise than that calls itself, people know the cluster's name.
    return folder_name(os.environ.get("SLURMD_NODENAME", "")) or machine_name()


def _show_devices(submission: Submission) -> None:
    """Show a job on this machine the devices of its shell, unless it asked for some.

    submitit hides them all.
    """
    if submission.where == "local" and submission.gpus is None:
        os.environ.pop(_CUDA_DEVICES, None)
        if submission.cuda_devices is not None:
            os.environ[_CUDA_DEVICES] = submission.cuda_devices


def _run_perceptron(arguments: Sequence[str]) -> int:
    """Run the command line in this process; return its exit code."""
    sys.argv = ["perceptron", *arguments]
    try:
        runpy.run_module("perceptron", run_name="__main__")
    except SystemExit as left:
        if isinstance(left.code, int):
            return left.code
        return 0 if left.code is None else _FAILED
    return 0


@contextmanager
def _interruptible(name: str) -> Iterator[_Interruption]:
    """End the block as by ctrl-C when the scheduler announces the end of the job.

    submitit's own handler has queued the job again, then, or says with an exception that it is not
    to be: code that suppresses errors of one backend must not take that for one.
    """
    interruption = _Interruption()
    number = getattr(signal, f"SIG{name}")
    usual = signal.getsignal(number)
    bypass = signal.getsignal(signal.SIGTERM)

    def note_end(signum: int, frame: FrameType | None) -> None:
        # Every process of the job gets it: one that ends because its worker did has not failed.
        interruption.is_cancelled = True
        if callable(bypass):
            bypass(signum, frame)

    def handle(signum: int, frame: FrameType | None) -> None:
        try:
            if callable(usual):
                usual(signum, frame)
        except SystemExit:
            interruption.is_requeued = True
            raise
        except Exception as error:  # noqa: BLE001 whatever the scheduler's command raises
            interruption.reason = str(error)
            raise KeyboardInterrupt from None

    signal.signal(number, handle)
    if callable(bypass):
        signal.signal(signal.SIGTERM, note_end)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGTERM, bypass)
        signal.signal(number, usual)
