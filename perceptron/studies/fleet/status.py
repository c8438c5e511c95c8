"""The state of every job of a fleet, from its node and the scheduler.

Slurm's controller is asked (``squeue``): it knows what is queued, what runs, and for some minutes
what has ended. A job that it does not know has ended.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import psutil

from perceptron.machine import machine_name
from perceptron.records.fleet import FleetStatus, JobState, JobStatus
from perceptron.records.store import count_rows
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, last_line
from perceptron.untrusted_text import shortened

# Last states of a node. Slurm may still call the job running.
_LAST_WORDS: frozenset[JobState] = frozenset({"done", "failed", "timed out", "cancelled"})
_ASKING_SECONDS = 30.0
# The clock of a process's creation may be set while it runs; its number is not used again so soon.
_CLOCK_SECONDS = 60.0
# https://slurm.schedmd.com/job_state_codes.html
_STATES: Mapping[str, JobState] = {
    "BOOT_FAIL": "failed",
    "CANCELLED": "cancelled",
    "COMPLETED": "done",
    "COMPLETING": "running",
    "CONFIGURING": "pending",
    "DEADLINE": "timed out",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "out of memory",
    "PENDING": "pending",
    "PREEMPTED": "preempted",
    "RUNNING": "running",
    "SUSPENDED": "running",
    "TIMEOUT": "timed out",
}
_NO_REASON = ("None", "")

Standing = tuple[JobState, str | None]
"""A state, with the scheduler's reason to wait or its own word for the state."""
ENDED: Standing = (
    "lost",
    "it ended without a message: it was killed, or its machine went down",
)


def fleet_status(fleet: FleetFolder, names: Iterable[str] | None = None) -> FleetStatus:
    """Return the state of a fleet's jobs, or those of these names; asks the scheduler once.

    Raises `UserError` for a file of the fleet that cannot be read.
    """
    plan = fleet.plan
    jobs = fleet.jobs if names is None else [fleet.job(name) for name in names]
    attempts = [(job, job.attempt()) for job in jobs]
    known = standings([attempt for _, attempt in attempts if attempt is not None])
    return FleetStatus(
        fleet=plan.id,
        command=plan.command,
        folder=str(fleet.path),
        jobs=[_status(job, attempt, known) for job, attempt in attempts],
    )


def _status(job: JobFolder, attempt: Attempt | None, known: Mapping[str, Standing]) -> JobStatus:
    rows, results = count_rows(job.results), str(job.results)
    if attempt is None or attempt.id is None:
        refused = None if attempt is None else attempt.refused
        state: JobState = "not submitted" if attempt is None else "failed"
        return JobStatus(job=job.name, state=state, reason=refused, rows=rows, results=results)
    note = job.note(attempt.id)
    log = job.log / f"{attempt.id}_0_log.err"
    said = last_line(log)
    if note is not None and note.state in _LAST_WORDS:
        state, reason = note.state, note.reason
    else:
        state, reason = known[attempt.id]
        if state == "done":  # for the scheduler, but without a note of its node
            state, reason = ENDED
        if state in ("failed", "lost"):
            reason = said or f"{reason} (it wrote no {log})"
    return JobStatus(
        job=job.name,
        machine=None if note is None else note.machine,
        state=state,
        rows=rows,
        step=said,
        reason=reason,
        id=attempt.id,
        results=results,
    )


# --- what the scheduler says ---------------------------------------------------------------------


def standings(attempts: Iterable[Attempt]) -> dict[str, Standing]:
    """Return the state of these attempts, by the id of each."""
    known: dict[str, Standing] = {}
    numbers = []
    for attempt in attempts:
        if attempt.created is not None:
            known[str(attempt.id)] = _of_process(attempt)
        elif attempt.id is not None:
            numbers.append(attempt.id)
    return known | (_queue(numbers) if numbers else {})


def _of_process(attempt: Attempt) -> Standing:
    if attempt.host != machine_name():
        return "unknown", f"a process on {attempt.host}: run this command there"
    with suppress(psutil.Error):
        process = psutil.Process(int(attempt.id or 0))
        is_same = abs(process.create_time() - (attempt.created or 0.0)) < _CLOCK_SECONDS
        if is_same and process.status() != psutil.STATUS_ZOMBIE:
            return "running", None
    return ENDED


def _queue(numbers: Sequence[str]) -> dict[str, Standing]:
    """Return the states that the controller knows; unknown where it does not answer."""
    command = ["squeue", "--noheader", "--states=all", "--format=%i|%T|%r"]
    try:
        answer = subprocess.run(
            [*command, f"--jobs={','.join(numbers)}"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_ASKING_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        reason = "squeue does not answer here: run this command on a machine of the cluster"
        return dict.fromkeys(numbers, ("unknown", reason))
    if answer.returncode != 0 and "Invalid job id" not in answer.stderr:
        said = answer.stderr.strip().splitlines()[-1:] or ["squeue does not answer"]
        return dict.fromkeys(numbers, ("unknown", shortened(said[0])))
    known = dict.fromkeys(numbers, ENDED)
    for line in answer.stdout.splitlines():
        number, word, reason = (*line.strip().split("|", 2), "", "")[:3]
        if number in known:
            why = "" if reason.strip("()") in _NO_REASON else f": {reason}"
            known[number] = (_STATES.get(word, "unknown"), shortened(f"Slurm: {word}{why}"))
    return known
