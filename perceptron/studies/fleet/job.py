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

from msgspec.structs import replace

from perceptron.machine import folder_name, machine_name
from perceptron.records.fleet import JobState
from perceptron.studies.fleet.folder import JobFolder, Note, Submission, last_line

# Exit codes of a command that did its work: with bad news, or inconclusive, too.
_ANSWERED = frozenset({0, 1, 3})
_FAILED = 2


@dataclass(frozen=True)
class MeasuringJob:
    """Called on a node, it runs the command of a job's folder.

    Its rows are on disk however it ends, and the next attempt resumes.
    """

    folder: str

    def __call__(self) -> None:
        """Run the command; raises RuntimeError if that did not do its work."""
        from submitit import JobEnvironment

        job, node = JobFolder(Path(self.folder)), JobEnvironment()
        submission = job.submission()
        machine = machine_of(job, submission)
        note = Note(machine=machine, state="running")
        job.write_note(node.job_id, note)
        with _told_to_end(node.USR_SIG) as told:
            code = _run_perceptron(
                [
                    *submission.arguments,
                    *("--results", str(job.results)),
                    *("--machine", machine),
                    *("--html", ""),
                ]
            )
        if code in _ANSWERED:
            job.write_note(node.job_id, replace(note, state="done"))
            return
        state: JobState = told[0] if told else "failed"
        reason = f"it was told to end ({state}): the same command resumes"
        if not told:
            sys.stderr.flush()
            reason = (last_line(node.paths.stderr) or f"exited with {code}").removeprefix("error: ")
        job.write_note(node.job_id, replace(note, state=state, reason=reason))
        raise RuntimeError(reason)  # for submitit, and so for Slurm


def machine_of(job: JobFolder, submission: Submission) -> str:
    """Return the name of the machine that this process runs on, fit for a folder."""
    if submission.machine is not None:
        return submission.machine
    if submission.where == "local":
        return folder_name(f"{machine_name()[:48]}-{job.name}")
    # Where a cluster names a node otherwise than that calls itself, people know the cluster's name.
    return folder_name(os.environ.get("SLURMD_NODENAME", "")) or machine_name()


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
def _told_to_end(name: str) -> Iterator[list[JobState]]:
    """End the block as by ctrl-C when the scheduler tells the job to end; yield as what, if it did.

    ``name`` is the signal that it sends before the time limit.
    """
    states: dict[int, JobState] = {
        getattr(signal, f"SIG{name}"): "timed out",
        signal.SIGTERM: "cancelled",
    }
    told: list[JobState] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for one in states:  # signals that follow must not keep it from clearing up
            signal.signal(one, signal.SIG_IGN)
        told.append(states[number])
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in states}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
