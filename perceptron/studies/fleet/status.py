"""The state of every job of a fleet, from its nodes and the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perceptron.records.fleet import FleetStatus, JobState, JobStatus
from perceptron.records.store import count_rows
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note, last_line
from perceptron.studies.fleet.scheduler import ENDED, Standing, standings

# Last states of a node. Slurm may still call the job running.
_LAST_WORDS: frozenset[JobState] = frozenset({"done", "failed", "timed out"})


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
    standing = known[attempt.id]
    for node in range(nodes):
        note = job.note(attempt.id, node)
        log = job.log / f"{attempt.id}_{node}_log.err"
        said = last_line(log)
        if standing.says_no_more and note is None and not log.exists():
            unseen = f"{standing.reason}, and it wrote no log: check that its nodes share {job.log}"
            standing = Standing(standing.state, unseen)
        state, reason = _judged(note, standing, said)
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
    if note is not None and note.state == "cancelled" and _knows_no_more(standing):
        return note.state, note.reason
    if standing.state == "done":  # for the scheduler, but without a note of its node
        return "lost", said or ENDED.reason
    if standing.says_no_more and said is not None:
        return standing.state, said
    return standing.state, standing.reason


def _knows_no_more(standing: Standing) -> bool:
    """Whether the scheduler does not know why the job ended, as it does of one it preempts."""
    return standing.says_no_more or standing.state in {"running", "done", "lost", "unknown"}
