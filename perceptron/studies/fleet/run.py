"""Submit the jobs that are not done, wait for them, and merge their rows as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from perceptron.records.fleet import Collected, FleetStatus
from perceptron.records.store import stored_runs
from perceptron.studies.fleet.collect import Collector
from perceptron.studies.fleet.folder import FleetFolder, JobFolder, Submission
from perceptron.studies.fleet.status import fleet_status
from perceptron.studies.fleet.submit import submit

# Asked less often the longer no job ends.
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 10.0

Show = Callable[[FleetStatus], None]


def start(fleet: FleetFolder, submissions: Mapping[str, Submission]) -> None:
    """Submit these jobs, by name, unless they are done or may still measure.

    Raises `UserError` if the fleet's folder cannot be written to.
    """
    with FileLock(fleet.path / "lock"):
        for name, submission in submissions.items():
            job = fleet.job(name)
            if _is_to_run(fleet, job, submission):
                submit(job, submission)


def _is_to_run(fleet: FleetFolder, job: JobFolder, submission: Submission) -> bool:
    """Return whether a job has work left and no attempt runs."""
    attempt = job.attempt()
    if attempt is None:
        return True
    statuses = fleet_status(fleet, [job.name]).jobs
    if any(status.is_alive for status in statuses):
        return False
    if any(status.state != "done" for status in statuses):
        return True
    return submission.budget_seconds > attempt.budget_seconds and _was_cut_short(job)


def _was_cut_short(job: JobFolder) -> bool:
    """Return whether a larger budget would measure more."""
    return any(stored.run.cut_short for stored in stored_runs(job.results, lambda _: None))


def wait(
    fleet: FleetFolder,
    names: list[str],
    results: Path,
    show: Show,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[FleetStatus, Collected]:
    """Wait until none of these jobs may still measure; return their state and their rows.

    Rows are merged into ``results`` as they come. Raises `UserError` for a file of the fleet that
    cannot be read, and if ``results`` cannot be written to.
    """
    collector = Collector(results)
    sources = [fleet.job(name).results for name in names]
    pause = _FIRST_SECONDS
    was_over = False
    while True:
        status = fleet_status(fleet, names)
        collected = collector.collect(sources)
        show(status)
        # A node's last note may reach a shared folder after the scheduler knows of its end.
        is_over = not status.is_alive
        if is_over and (was_over or all(job.state == "done" for job in status.jobs)):
            return status, collected
        was_over = is_over
        sleep(pause)
        pause = min(1.2 * pause, _MOST_SECONDS)
