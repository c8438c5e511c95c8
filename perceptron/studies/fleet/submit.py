"""Hand the jobs that are not done to Slurm, or to this machine, and wait for them.

submitit does the handing over, in a process of its own that is started with ``FOLDER``. Its
children are in no terminal's session, so that neither ctrl-C nor a lost terminal reaches them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from perceptron import fresh_python
from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure import revision
from perceptron.measure.launch import package_path
from perceptron.records.fleet import FleetStatus
from perceptron.records.store import stored_runs
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Submission, last_line
from perceptron.studies.fleet.job import MeasuringJob
from perceptron.studies.fleet.status import fleet_status

# Importing every library from a cold disk, and the answer: a scheduler's limit is no budget.
_MARGIN_MINUTES = 10
_STARTING_SECONDS = 120.0
# Before that limit a job is told to end; Slurm may do so up to a minute earlier.
_NOTICE_SECONDS = 90
# A whole machine, for timings: all of its memory unless sbatch is told otherwise, and all of its
# cores for any thread. What ends early is resumed by the same command, not by Slurm.
_WHOLE_MACHINE: dict[str, str | bool] = {"mem": "0", "no-requeue": True}
_NOT_BOUND = ["--cpu-bind=none"]
# Between two looks at the jobs.
_PAUSE_SECONDS = 5.0

Show = Callable[[FleetStatus], None]


def minutes_for(budget_seconds: float, wait_minutes: float = 0.0) -> int:
    """Return the time limit of a job, in minutes."""
    return ceil(11 * budget_seconds / 600 + wait_minutes) + _MARGIN_MINUTES  # a tenth more


def require_slurm() -> None:
    """Raise `UserError` where no job can be handed to Slurm."""
    absent = [command for command in ("sbatch", "srun") if shutil.which(command) is None]
    if absent:
        raise UserError(
            f"--on slurm: no {' and no '.join(absent)} here: run this on a machine of the cluster, "
            "or try a fleet on this one by --on local:2"
        )


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
    # A larger budget measures more of what was cut short.
    runs = stored_runs(job.results, lambda _: None)
    more = submission.budget_seconds > attempt.budget_seconds
    return more and any(stored.run.cut_short for stored in runs)


def wait(
    fleet: FleetFolder,
    names: list[str],
    show: Show,
    sleep: Callable[[float], None] = time.sleep,
) -> FleetStatus:
    """Wait until none of these jobs may still measure; return their state.

    Raises `UserError` for a file of the fleet that cannot be read.
    """
    was_over = False
    while True:
        status = fleet_status(fleet, names)
        show(status)
        # A node's last note may reach a shared folder after the scheduler knows of its end.
        is_over = not status.is_alive
        if is_over and (was_over or all(job.state == "done" for job in status.jobs)):
            return status
        was_over = is_over
        sleep(_PAUSE_SECONDS)


def submit(job: JobFolder, submission: Submission) -> Attempt:
    """Hand the job over, and keep the attempt.

    Raises `UserError` if its folder cannot be written to.
    """
    job.write(submission)
    try:
        job.log.mkdir(exist_ok=True)
        said = job.log / "submit.txt"
        said.unlink(missing_ok=True)
        # A file, for a pipe would stay open as long as the job runs.
        with said.open("wb") as log:
            code = _hand_over(job, log)
    except OSError as error:
        raise UserError(f"{job.path}: cannot submit: {error.strerror}") from None
    attempt = job.attempt()
    if code != 0 or attempt is None or attempt.refused is not None:
        reason = last_line(said) or f"submitting exited with {code}"
        attempt = Attempt(
            host=machine_name(), refused=reason, budget_seconds=submission.budget_seconds
        )
        job.write(attempt)
    return attempt


def _hand_over(job: JobFolder, log: Any) -> int | str:
    """Return the exit code of the process that submits, or that it hangs."""
    try:
        return subprocess.run(
            fresh_python.command("perceptron.studies.fleet.submit", str(job.path)),
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
            start_new_session=True,
            timeout=_STARTING_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        return "no end"


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a job's environment: the shell's, this package, and its revision.

    submitit starts the job by ``python -m``, which must not look into the current folder.
    """
    commit = revision.revision()
    stated = {} if commit is None else {revision.VARIABLE: commit}
    return {**variables, **stated, "PYTHONPATH": package_path(), "PYTHONSAFEPATH": "1"}


def _executor(job: JobFolder, submission: Submission) -> Any:
    """Return submitit's executor for a job."""
    from submitit import AutoExecutor

    executor = AutoExecutor(
        job.log, cluster=submission.where, slurm_max_num_timeout=0, local_max_num_timeout=0
    )
    executor.update_parameters(
        name=f"perceptron-{job.name}",
        timeout_min=submission.minutes,
        nodes=1,
        tasks_per_node=1,
        gpus_per_node=submission.gpus,
    )
    if submission.where == "slurm":
        executor.update_parameters(
            slurm_partition=submission.partition,
            slurm_exclusive=True,
            slurm_srun_args=_NOT_BOUND,
            slurm_signal_delay_s=min(_NOTICE_SECONDS, 12 * submission.minutes),
            slurm_additional_parameters=_WHOLE_MACHINE | dict(map(_option, submission.sbatch)),
        )
    return executor


def _option(word: str) -> tuple[str, str | bool]:
    name, equals, value = word.partition("=")
    return name, value if equals else True


def main() -> None:
    """Submit the job of the named folder; the last line is the scheduler's refusal, if any."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    job = JobFolder(Path(sys.argv[1]))
    submission = job.submission()
    try:
        number = _executor(job, submission).submit(MeasuringJob(str(job.path))).job_id
    except (FailedJobError, FailedSubmissionError, RuntimeError, ValueError) as error:
        sys.exit(" ".join(str(error).split()))
    created = None
    if submission.where == "local":
        created = psutil.Process(int(number)).create_time()
    job.write(
        Attempt(
            id=number,
            host=machine_name(),
            created=created,
            budget_seconds=submission.budget_seconds,
        )
    )


if __name__ == "__main__":
    main()
