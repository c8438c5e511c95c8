"""The jobs of a fleet: one command on many machines, with a folder of results for each.

    results/fleet/<id>/plan.json             the `FleetPlan`
    results/fleet/<id>/jobs/<job>/job.sh     the submitted script
    results/fleet/<id>/jobs/<job>/log        its output
    results/fleet/<id>/jobs/<job>/done       exists once the command has done its work
    results/fleet/<id>/jobs/<job>/results/   its measurements

However a job ends, its rows are on disk, and ``job.sh`` resumes: submitted again by the same
command, or put back into the queue by ``scontrol requeue``.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from filelock import FileLock, lock_descriptor
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure import revision
from perceptron.problems import files
from perceptron.processes import fresh_python
from perceptron.questions.run_study import contents
from perceptron.records.files.read import must_be_a_file, read_written
from perceptron.records.files.write import cannot_write, replace
from perceptron.records.fleet import FleetStatus, JobState, JobStatus
from perceptron.records.store import count_rows, stored_runs
from perceptron.untrusted_text import shortened

FLEETS = "fleet"
SCRIPT, LOG, DONE, RESULTS = "job.sh", "log", "done", "results"
DEFAULT = "default"
"""The job on the cluster's default partition."""

# Timings need a whole machine with all of its memory. The same command resumes a job that ended
# early; Slurm must not.
_WHOLE_MACHINE = ("--nodes=1", "--exclusive", "--mem=0", "--no-requeue")
_SLURM_SECONDS = 120.0
# Between two looks at the jobs.
_PAUSE_SECONDS = 5.0
_NO_MESSAGE = "it ended without a message: it was cancelled or killed, or its machine went down"
_TAIL_BYTES = 4096
_LONGEST = 300


class FleetPlan(Struct, frozen=True, kw_only=True):
    """The common plan of all jobs of a fleet; equal plans are one fleet.

    Budget and time limit are not part of it: a job may be resumed with more of both.
    """

    command: list[str]
    host: str | None
    """The host of a fleet on one machine, which alone sees its jobs; None with Slurm."""
    commit: str | None
    code: str | None
    """Digest of the code that measures: it distinguishes releases without a commit."""
    contents: dict[str, str]
    """Digests of the files of models and functions that the command names, by path."""
    sbatch: list[str]
    """Slurm options of the jobs, as ``KEY=VALUE``."""

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the plan."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


def fleets(results: Path) -> list[Path]:
    """Return the folders of all fleets of a folder of results."""
    return sorted(plan.parent for plan in (results.absolute() / FLEETS).glob("*/plan.json"))


def plan_of(fleet: Path) -> FleetPlan:
    """Return the plan of a fleet; raises `UserError` if it cannot be read."""
    return read_written(fleet / "plan.json", FleetPlan, "a fleet")


def open_fleet(
    results: Path, command: Sequence[str], is_local: bool, sbatch: Iterable[str]
) -> Path:
    """Return the fleet's folder for this command and this code, creating it if necessary.

    Raises `UserError` if it is not writable, or if a model file cannot be read.
    """
    named = (files.references(word) if files.is_file(word) else (word,) for word in command)
    plan = FleetPlan(
        command=list(command),
        host=machine_name() if is_local else None,
        commit=revision.revision(),
        code=revision.measuring_code(),
        contents=contents(word for words in named for word in words),
        sbatch=_without_order(word for word in sbatch if not word.startswith("time=")),
    )
    # Absolute: a job on a node may start in another folder than this process.
    fleet = results.absolute() / FLEETS / plan.id
    if not (fleet / "plan.json").exists():
        _write(fleet / "plan.json", plan)
    return fleet


def _without_order(sbatch: Iterable[str]) -> list[str]:
    """Return the options sorted; of two values of one option the later counts."""
    return sorted({word.partition("=")[0]: word for word in sbatch}.values())


def _write(file: Path, content: Struct | str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, content)
    except OSError as error:
        raise cannot_write(file.parent, error) from None


# --- submitted -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """The command of every job of a fleet, and its Slurm options."""

    arguments: Sequence[str]
    """Arguments of ``perceptron``, without the folders and the machine."""
    budget_seconds: float
    machine: str | None = None
    """The machine's name, if the user gave one."""
    sbatch: Sequence[str] = ()
    """``KEY=VALUE``; of two with one key the later counts."""


def start(fleet: Path, names: Iterable[str], request: Request) -> None:
    """Submit these jobs, except those that are done or may still measure.

    Raises `UserError` with the jobs that failed, their reasons, and those that were submitted.
    """
    is_local = plan_of(fleet).host is not None
    submitted, failures = [], []
    with FileLock(fleet / "lock"):
        for job in fleet_status(fleet, names).jobs:
            if not _is_to_run(job, request.budget_seconds):
                continue
            try:
                _submit(fleet / "jobs" / job.job, request, is_local)
                submitted.append(job.job)
            except UserError as error:
                failures.append(str(error))
    if failures:
        taken = [f"submitted {', '.join(submitted)}"] if submitted else []
        raise UserError(f"--on: {'; '.join(taken + failures)}")


def _submit(job: Path, request: Request, is_local: bool) -> None:
    _write(job / SCRIPT, _script(job, request, is_local))
    try:
        if is_local:
            _run_here(job)
        else:
            _sbatch(job, request.sbatch)
    except OSError as error:
        (job / SCRIPT).unlink()
        raise UserError(f"{job}: cannot submit: {error.strerror}") from None


def _is_to_run(job: JobStatus, budget_seconds: float) -> bool:
    """Return whether a job has work left and no attempt runs."""
    if job.state != "done":
        return not job.is_alive
    # A larger budget measures more of what was cut short.
    runs = [stored.run for stored in stored_runs(Path(job.results), lambda _: None)]
    return any(run.cut_short and budget_seconds > (run.budget_seconds or 0.0) for run in runs)


def _script(job: Path, request: Request, is_local: bool) -> str:
    """Return the shell script of a job, with its folders and the name of its machine."""
    folders = ("--results", str(job / RESULTS), "--html", "")
    command = fresh_python.command("perceptron", *request.arguments, *folders)
    # People know a node by the name that the cluster gives it.
    machine = '"$SLURMD_NODENAME"'
    if request.machine is not None or is_local:
        machine = shlex.quote(request.machine or f"{machine_name()[:48]}-{job.name}")
    commit = revision.revision() or ""  # for nodes without git
    return f"""#!/bin/sh
# All processes of a job are told to end at once: the command has time to clear up.
trap : TERM
export {revision.VARIABLE}={shlex.quote(commit)}
{shlex.join(command)} --machine {machine}
# With bad news, or inconclusive, it has done its work, too.
case $? in
0 | 1 | 3) touch {shlex.quote(str(job / DONE))} ;;
*) exit 2 ;;
esac
"""


def _run_here(job: Path) -> None:
    """Start the job in a new session, so that ctrl-C or a closed terminal does not end it."""
    (job / DONE).unlink(missing_ok=True)
    with (job / LOG).open("wb") as log:
        lock_descriptor(log.fileno())  # held by all that write to it, as long as they live
        process = subprocess.Popen(
            ["sh", str(job / SCRIPT)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process.returncode = 0  # it may outlive us, and Python need not warn of that


def _sbatch(job: Path, options: Iterable[str]) -> None:
    """Submit the job to Slurm; raise `UserError` with Slurm's error if it may have failed."""
    (job / LOG).unlink(missing_ok=True)
    answer = _ask(
        *("sbatch", *_WHOLE_MACHINE),
        *(f"--{option}" for option in options),
        *([] if job.name == DEFAULT else [f"--partition={job.name}"]),
        *(f"--job-name={_queued(job)}", f"--output={job / LOG}", str(job / SCRIPT)),
    )
    if answer.returncode > 0 and "timed out" not in answer.stderr:
        (job / SCRIPT).unlink()
        raise UserError(f"refused {job.name}: {_last_error(answer)}")
    # Without an answer, too: Slurm may have taken it, and two of one job must not run.
    (job / DONE).unlink(missing_ok=True)
    if answer.returncode != 0:
        raise UserError(
            f"not known whether {job.name} was submitted: ask squeue: {_last_error(answer)}"
        )


def _queued(job: Path) -> str:
    """Return the name of a job in Slurm's queue; jobs of other fleets may share it."""
    return f"perceptron-{job.name}"


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Return Slurm's answer; ctrl-C does not reach Slurm, so that no job is half submitted."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            timeout=_SLURM_SECONDS,
        )
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not answer in {_SLURM_SECONDS:g} s"
        return subprocess.CompletedProcess(command, -signal.SIGKILL, "", message)
    except OSError as error:
        why = error.strerror or str(error)
        message = f"{command[0]}: {why}: run this command on a machine of the cluster"
        return subprocess.CompletedProcess(command, 1, "", message)


def _last_error(answer: subprocess.CompletedProcess[str]) -> str:
    return (_lines(answer.stderr) or [f"exited with {answer.returncode}"])[-1]


def wait(
    fleet: Path,
    names: Sequence[str],
    show: Callable[[FleetStatus], None],
    sleep: Callable[[float], None] = time.sleep,
) -> FleetStatus:
    """Wait until all of these jobs have ended; return their state.

    Raises `UserError` for a file of the fleet that cannot be read.
    """
    was_over = False
    while True:
        status = fleet_status(fleet, names)
        show(status)
        # A node's last lines may reach a shared folder after Slurm reports the end of its job.
        is_over = not status.is_alive
        if is_over and (was_over or all(job.state == "done" for job in status.jobs)):
            return status
        was_over = is_over
        sleep(_PAUSE_SECONDS)


# --- the state of each ---------------------------------------------------------------------------

Standing = tuple[JobState, str | None, str | None]
"""The state of a job that is not done, the reason, and Slurm's number of it."""
_ENDED: Standing = ("failed", None, None)


def fleet_status(fleet: Path, names: Iterable[str] | None = None) -> FleetStatus:
    """Return the state of a fleet's jobs, by default all; ``names`` need not exist.

    Slurm is asked once. Raises `UserError` if its plan cannot be read.
    """
    plan = plan_of(fleet)
    names = sorted(path.name for path in fleet.glob("jobs/*/")) if names is None else names
    jobs = [fleet / "jobs" / name for name in names]
    submitted = [job for job in jobs if (job / SCRIPT).exists()]
    if plan.host is not None:
        standings = {job: _here(job, plan.host) for job in submitted}
    else:
        standings = _queue(submitted) if submitted else {}
    return FleetStatus(
        fleet=plan.id,
        command=plan.command,
        folder=str(fleet),
        jobs=[_status(job, standings) for job in jobs],
    )


def _status(job: Path, standings: Mapping[Path, Standing]) -> JobStatus:
    lines = _last_lines(job / LOG)
    state, reason, number = standings.get(job, ("not submitted", None, None))
    if (job / DONE).exists():
        state, reason = "done", None
    elif state == "failed":
        # Slurm writes why it ended a job before the job writes its last line.
        ended = [line for line in lines if "*** JOB" in line] or lines
        reason = ended[-1].removeprefix("error: ") if ended else _NO_MESSAGE
    return JobStatus(
        job=job.name,
        machine=", ".join(sorted(path.name for path in (job / RESULTS).glob("runs/*"))) or None,
        state=state,
        rows=count_rows(job / RESULTS),
        step=lines[-1] if lines else None,
        reason=reason,
        id=number,
        results=str(job / RESULTS),
    )


def _here(job: Path, host: str) -> Standing:
    """Return the state of a job on this machine: its processes hold the lock of its log."""
    import fcntl  # Windows has none, and no shell for jobs

    if host != machine_name():
        return "unknown", f"a process on {host}: run this command there", None
    try:
        must_be_a_file(job / LOG)
        with (job / LOG).open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running", None, None
    except (OSError, UserError):
        pass
    return _ENDED


def _queue(jobs: Sequence[Path]) -> dict[Path, Standing]:
    """Return the states of these jobs; a job that is not in Slurm's queue has ended."""
    names = ",".join(map(_queued, jobs))
    answer = _ask("squeue", "--noheader", f"--name={names}", "--format=%i|%T|%r|%o")
    if answer.returncode != 0:
        return dict.fromkeys(jobs, ("unknown", _last_error(answer), None))
    standings = dict.fromkeys(jobs, _ENDED)
    # The job may have been submitted through another path to its folder.
    by_folder = {os.path.realpath(job): job for job in jobs}
    for line in answer.stdout.splitlines():
        number, word, reason, script = (*line.split("|", 3), "", "", "")[:4]
        if job := by_folder.get(os.path.realpath(Path(script).parent)):
            state: JobState = "pending" if word in ("PENDING", "CONFIGURING") else "running"
            explanation = word if reason == "None" else f"{word}: {reason}"
            standings[job] = (state, shortened(f"Slurm: {explanation}"), number)
    return standings


def _last_lines(log: Path) -> list[str]:
    """Return the last lines of a log, made safe to print; none without a log."""
    try:
        must_be_a_file(log)
        with log.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            return _lines(stream.read().decode(errors="replace"))
    except (OSError, UserError):
        return []


def _lines(text: str) -> list[str]:
    return [shortened(line, _LONGEST) for line in text.split("\n") if line.strip()]
