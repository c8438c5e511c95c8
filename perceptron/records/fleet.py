"""A fleet: jobs that run one command on many machines, and the state of each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

JobState = Literal[
    "not submitted",
    "pending",
    "running",
    "done",
    "failed",
    "unknown",
]
"""``failed``: ended before it was done; ``unknown``: the state cannot be queried from here."""


class JobStatus(Struct, frozen=True, kw_only=True):
    """One machine of a fleet: the state of its job and its rows so far."""

    job: str
    """The partition or ``local-1``."""
    machine: str | None = None
    """The machine's name; None until the job has begun, several names if Slurm moved it."""
    state: JobState
    rows: int = 0
    """Rows in the folder that it writes to, of all attempts together."""
    step: str | None = None
    """The last line of its log."""
    reason: str | None = None
    """One line that says why it is not done."""
    id: str | None = None
    """Slurm's id of the job, while it is in the queue."""
    results: str
    """The folder that it writes to."""

    @property
    def is_alive(self) -> bool:
        """Whether it may still measure."""
        return self.state in ("pending", "running", "unknown")

    @property
    def has_failed(self) -> bool:
        """Whether it has ended, or never begun, without being done."""
        return not self.is_alive and self.state != "done"


class FleetStatus(Struct, frozen=True, kw_only=True):
    """All jobs that were given one command line."""

    fleet: str
    """Its id, which is the name of its folder."""
    command: list[str]
    folder: str
    jobs: list[JobStatus]

    @property
    def is_alive(self) -> bool:
        """Whether any of its jobs may still measure."""
        return any(job.is_alive for job in self.jobs)


class CollectedRun(Struct, frozen=True, kw_only=True):
    """A run that was merged into a folder of results: its folder now, and its rows."""

    folder: str
    machine: str
    rows: int
    """Rows that the run has now."""
    added: int
    """Rows that this merge added."""


class Collected(Struct, frozen=True, kw_only=True):
    """The runs of one merge, and a line for each run or file that it could not take."""

    runs: list[CollectedRun]
    errors: list[str]


class RunAnswer(Struct, frozen=True, kw_only=True):
    """The answers of one run of a fleet, a sentence each."""

    machine: str
    study: str
    answers: list[str]
    results: str
