"""The state of every job of a fleet, from its nodes and the scheduler.

Slurm's controller is asked first (``squeue``): it knows what is queued, what runs, and for some
minutes what has ended. Older jobs are in the accounting (``sacct``, through submitit), which many
clusters do not have. A job that neither knows has ended.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import psutil

from perceptron import optional
from perceptron.machine import machine_name
from perceptron.records.fleet import FleetStatus, JobState, JobStatus
from perceptron.records.store import count_rows
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note, last_line
from perceptron.untrusted_text import shortened

# Last states of a node. Slurm may still call the job running.
_LAST_WORDS: frozenset[JobState] = frozenset({"done", "failed", "timed out"})
_ASKING_SECONDS = 30.0
# The clock of a process's creation may be set while it runs; its number is not used again so soon.
_CLOCK_SECONDS = 60.0
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
    "REQUEUED": "pending",
    "REQUEUE_FED": "pending",
    "REQUEUE_HOLD": "pending",
    "RESIZING": "running",
    "REVOKED": "cancelled",
    "RUNNING": "running",
    "SIGNALING": "running",
    "SPECIAL_EXIT": "failed",
    "STAGE_OUT": "running",
    "STOPPED": "running",
    "SUSPENDED": "running",
    "TIMEOUT": "timed out",
}
# https://slurm.schedmd.com/job_state_codes.html
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
    known = standings([(job, attempt) for job, attempt in attempts if attempt is not None])
    return FleetStatus(
        fleet=plan.id,
        command=plan.command,
        folder=str(fleet.path),
        jobs=[
            status
            for job, attempt in attempts
            for status in _statuses(job, attempt, known, plan.nodes)
        ],
    )


def _statuses(
    job: JobFolder, attempt: Attempt | None, known: dict[str, Standing], nodes: int
) -> Iterator[JobStatus]:
    """Yield the state of each node of a job."""
    if attempt is None or attempt.id is None:
        refused = None if attempt is None else attempt.refused
        state: JobState = "not submitted" if attempt is None else "failed"
        rows = count_rows(job.results)
        yield JobStatus(
            job=job.name, state=state, reason=refused, rows=rows, results=str(job.results)
        )
        return
    by_scheduler, why = known[attempt.id]
    for node in range(nodes):
        note = job.note(attempt.id, node)
        log = job.log / f"{attempt.id}_{node}_log.err"
        said = last_line(log)
        unseen = ""
        if _says_no_more(why) and note is None and not log.exists():
            unseen = f", and it wrote no log: check that its nodes share {job.log}"
        state, reason = _judged(note, (by_scheduler, f"{why}{unseen}" if why else None), said)
        yield JobStatus(
            job=job.name if nodes == 1 else f"{job.name}/{node}",
            machine=None if note is None else note.machine,
            state=state,
            rows=count_rows(job.results, "*" if nodes == 1 or note is None else note.machine),
            step=said,
            reason=reason,
            id=attempt.id,
            results=str(job.results),
        )


def _judged(note: Note | None, standing: Standing, said: str | None) -> tuple[JobState, str | None]:
    """Return a state and why it is not done."""
    if note is not None and note.state in _LAST_WORDS:
        return note.state, note.reason
    by_scheduler, why = standing
    # The scheduler knows why a job ended that it preempts.
    no_more = _says_no_more(why) or by_scheduler in {"running", "done", "lost", "unknown"}
    if note is not None and note.state == "cancelled" and no_more:
        return note.state, note.reason
    if by_scheduler == "done":  # for the scheduler, but without a note of its node
        return "lost", said or ENDED[1]
    if _says_no_more(why) and said is not None:
        return by_scheduler, said
    return by_scheduler, why


def _says_no_more(why: str | None) -> bool:
    """Return whether the job's own last line has the cause of a failure."""
    return why is not None and why.startswith("Slurm: FAILED")


# --- what the scheduler says ---------------------------------------------------------------------


def standings(jobs: Iterable[tuple[JobFolder, Attempt]]) -> dict[str, Standing]:
    """Return the state of these attempts, by the id of each."""
    local = [attempt for _, attempt in jobs if attempt.created is not None]
    slurm = [
        (job, attempt.id)
        for job, attempt in jobs
        if attempt.created is None and attempt.id is not None
    ]
    return {
        **{attempt.id: _of_process(attempt) for attempt in local if attempt.id is not None},
        **(_of_slurm(slurm) if slurm else {}),
    }


def _of_process(attempt: Attempt) -> Standing:
    if attempt.host != machine_name():
        return "unknown", f"a process on {attempt.host}: run this command there"
    with suppress(psutil.Error):
        process = psutil.Process(int(attempt.id or 0))
        is_same = abs(process.create_time() - (attempt.created or 0.0)) < _CLOCK_SECONDS
        if is_same and process.status() != psutil.STATUS_ZOMBIE:
            return "running", None
    return ENDED


def _of_slurm(jobs: Sequence[tuple[JobFolder, str]]) -> dict[str, Standing]:
    known = _queue([number for _, number in jobs])
    for job, number in jobs:
        if number not in known:
            known[number] = _accounted(job, number)
    return known


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
    except FileNotFoundError:
        return _unknown(numbers, "no squeue here: run this command on a machine of the cluster")
    except (OSError, subprocess.TimeoutExpired):
        return _unknown(numbers, "squeue does not answer")
    if answer.returncode != 0 and "Invalid job id" not in answer.stderr:
        said = answer.stderr.strip().splitlines()[-1:] or ["squeue does not answer"]
        return _unknown(numbers, shortened(said[0]))
    known = {}
    for line in answer.stdout.splitlines():
        number, _, rest = line.strip().partition("|")
        word, _, reason = rest.partition("|")
        if number in numbers:
            known[number] = _standing(word, reason)
    return known


def _unknown(numbers: Iterable[str], reason: str) -> dict[str, Standing]:
    return dict.fromkeys(numbers, ("unknown", reason))


def _accounted(job: JobFolder, number: str) -> Standing:
    """Return the state that the accounting has of a job that the controller no longer knows."""
    optional.require("fleet")
    from submitit import SlurmJob

    # It warns of every call to a cluster without accounting.
    logging.getLogger("submitit").setLevel(logging.CRITICAL)
    word = SlurmJob(job.log, number).get_info(mode="force").get("State", "")
    return _standing(word) if word else ENDED


def _standing(word: str, reason: str = "") -> Standing:
    """Return the state of Slurm's word, such as ``CANCELLED by 1000``."""
    state = _STATES.get(word.split()[0] if word.split() else "", "unknown")
    why = "" if reason.strip("()") in _NO_REASON else f": {reason}"
    return state, shortened(f"Slurm: {word}{why}")
