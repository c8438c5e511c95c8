"""The folder of a fleet, beside the results that its jobs are merged into.

    results/fleet/<id>/plan.json                     the `FleetPlan`
    results/fleet/<id>/jobs/<job>/submission.json    the `Submission` of the newest attempt
    results/fleet/<id>/jobs/<job>/attempt.json       the `Attempt`, once the scheduler has it
    results/fleet/<id>/jobs/<job>/notes/<id>-0.json  the `Note` of an attempt
    results/fleet/<id>/jobs/<job>/log/               the files of submitit, and the output
    results/fleet/<id>/jobs/<job>/results/           a folder of results that the node writes to

Every file is replaced in one step; nodes and waiting processes share nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure.revision import measuring_code, revision
from perceptron.problems import files
from perceptron.records.files.read import must_be_a_file, read_written
from perceptron.records.files.write import cannot_write, replace
from perceptron.records.fleet import JobState
from perceptron.studies import functions
from perceptron.untrusted_text import shortened
from perceptron.version import __version__

FLEETS = "fleet"
_TAIL_BYTES = 4096
_LONGEST = 300

Where = Literal["slurm", "local"]


class FleetPlan(Struct, frozen=True, kw_only=True):
    """The common plan of all jobs of a fleet; equal plans are one fleet.

    Neither the budget nor the time limit belong to it: a job is resumed with more of both.
    """

    format: int = 1
    command: list[str]
    where: Where
    host: str | None = None
    """The host of a fleet on one machine; its jobs cannot be seen from another."""
    version: str
    commit: str | None
    code: str | None = None
    """Digest of the code that measures: without a commit, another release is another fleet."""
    contents: dict[str, str]
    """Digests of the model files that the command names, by path."""
    nodes: Literal[1] = 1
    """Of each job."""
    gpus: int | None = None
    """GPUs of each machine; None asks for none."""
    sbatch: list[str] = []
    """``KEY=VALUE`` or ``KEY``, handed to sbatch as they are."""

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the plan."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


class Submission(Struct, frozen=True, kw_only=True):
    """The command of a job, and its request to the scheduler."""

    arguments: list[str]
    """Arguments of ``perceptron``, without the folders and the machine, which the node adds."""
    where: Where
    partition: str | None = None
    machine: str | None = None
    """Its name, where the user gave one."""
    gpus: int | None = None
    minutes: int
    """After which the scheduler ends it."""
    sbatch: list[str] = []
    budget_seconds: float


class Attempt(Struct, frozen=True, kw_only=True):
    """A scheduler's answer to a submission."""

    id: Annotated[str, Meta(pattern=r"^[0-9]{1,18}(_[0-9]{1,9})?\Z")] | None = None
    """Slurm's number, or that of a process; None if it was refused."""
    host: str
    created: float | None = None
    """When the process was created, as its system knows: numbers are used again."""
    refused: str | None = None
    """The scheduler's message, in one line."""
    budget_seconds: float


class Note(Struct, frozen=True, kw_only=True):
    """The state that a node has noted of itself."""

    machine: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,98}\Z")]
    state: JobState
    reason: str | None = None


@dataclass(frozen=True)
class JobFolder:
    """The folder of one job; what is read raises `UserError` where no fleet wrote it."""

    path: Path

    @property
    def name(self) -> str:
        """Its partition, or ``local-1``."""
        return self.path.name

    @property
    def log(self) -> Path:
        """The folder of submitit's files."""
        return self.path / "log"

    @property
    def results(self) -> Path:
        """The folder that its node writes to."""
        return self.path / "results"

    def submission(self) -> Submission:
        """Return the submission; raises `UserError` if there is none."""
        return read_written(self.path / "submission.json", Submission, "a fleet")

    def attempt(self) -> Attempt | None:
        """Return the newest attempt, None before the first."""
        file = self.path / "attempt.json"
        return read_written(file, Attempt, "a fleet") if file.exists() else None

    def note(self, attempt: str) -> Note | None:
        """Return the note of an attempt, None before the first."""
        file = self._note(attempt)
        return read_written(file, Note, "a fleet") if file.exists() else None

    def write(self, content: Submission | Attempt) -> None:
        """Keep it; raises `UserError` if that cannot be done."""
        _write(self.path / f"{type(content).__name__.lower()}.json", content)

    def write_note(self, attempt: str, note: Note) -> None:
        """Keep it; raises `UserError` if that cannot be done."""
        _write(self._note(attempt), note)

    def _note(self, attempt: str) -> Path:
        return self.path / "notes" / f"{attempt}-0.json"


@dataclass(frozen=True)
class FleetFolder:
    """The folder of a fleet."""

    path: Path

    @property
    def plan(self) -> FleetPlan:
        """Its question; raises `UserError` if that cannot be read."""
        return read_written(self.path / "plan.json", FleetPlan, "a fleet")

    @property
    def jobs(self) -> list[JobFolder]:
        """Its jobs, by name."""
        return [JobFolder(path) for path in sorted(self.path.glob("jobs/*")) if path.is_dir()]

    def job(self, name: str) -> JobFolder:
        """Return the folder of a job, which need not exist."""
        return JobFolder(self.path / "jobs" / name)


def fleet_plan(
    command: Sequence[str], where: Where, gpus: int | None, sbatch: Iterable[str]
) -> FleetPlan:
    """Return the plan of a command line on the code of this process.

    Raises `UserError` for a model file that cannot be read.
    """
    return FleetPlan(
        command=list(command),
        where=where,
        host=machine_name() if where == "local" else None,
        version=__version__,
        commit=revision(),
        code=measuring_code(),
        contents=_contents(command),
        gpus=gpus,
        sbatch=list(sbatch),
    )


def _contents(command: Sequence[str]) -> dict[str, str]:
    """Return a digest of each file of a model or of functions: edited, it is another question."""
    digests = {word: functions.digest(word) for word in command if functions.is_file(word)}
    words = [word for word in command if files.is_file(word)]
    references = [reference for word in words for reference in files.references(word)]
    return digests | files.fingerprints(references)


def open_fleet(results: Path, plan: FleetPlan) -> FleetFolder:
    """Return the folder of the fleet with this plan, new or of an earlier start.

    Raises `UserError` if it cannot be written to.
    """
    # Nodes are told it, and need not start where this process did.
    fleet = FleetFolder(results.absolute() / FLEETS / plan.id)
    if not (fleet.path / "plan.json").exists():
        _write(fleet.path / "plan.json", plan)
    return fleet


def fleets(results: Path) -> list[FleetFolder]:
    """Return all fleets of a folder of results."""
    files = sorted((results.absolute() / FLEETS).glob("*/plan.json"))
    return [FleetFolder(file.parent) for file in files]


def _write(file: Path, content: Struct) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)
    except OSError as error:
        raise cannot_write(file.parent, error) from None


def last_line(file: Path) -> str | None:
    """Return the last line of a log that is not blank, short and printable; None without one."""
    try:
        must_be_a_file(file)
        with file.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").split("\n")
    except (OSError, UserError):
        return None
    said = [line for line in lines if line.strip()]
    return shortened(said[-1], _LONGEST) if said else None
