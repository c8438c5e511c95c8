"""What a scheduler says becomes a state, and nothing that it says or does not say is a crash."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from perceptron.machine import machine_name
from perceptron.studies.fleet.folder import Attempt, JobFolder
from perceptron.studies.fleet.status import ENDED, Standing, standings
from tests.studies.fleet.conftest import Says


def standing(job: JobFolder) -> Standing:
    attempt = job.attempt()
    assert attempt is not None
    assert attempt.id is not None
    return standings([(job, attempt)])[attempt.id]


@pytest.mark.parametrize(
    ("line", "state", "reason"),
    [
        ("7|PENDING|Resources", "pending", "Slurm: PENDING: Resources"),
        ("7|PENDING|None", "pending", "Slurm: PENDING"),
        ("7|RUNNING|(None)", "running", "Slurm: RUNNING"),
        ("7|COMPLETING|", "running", "Slurm: COMPLETING"),
        ("7|COMPLETED|None", "done", "Slurm: COMPLETED"),
        ("7|TIMEOUT|TimeLimit", "timed out", "Slurm: TIMEOUT: TimeLimit"),
        ("7|PREEMPTED|None", "preempted", "Slurm: PREEMPTED"),
        ("7|FAILED|NonZeroExitCode", "failed", "Slurm: FAILED: NonZeroExitCode"),
        ("7|NODE_FAIL|NodeDown", "failed", "Slurm: NODE_FAIL: NodeDown"),
        ("7|OUT_OF_MEMORY|OutOfMemory", "out of memory", "Slurm: OUT_OF_MEMORY: OutOfMemory"),
        ("7|CANCELLED|None", "cancelled", "Slurm: CANCELLED"),
        ("7|A_STATE_TO_COME|None", "unknown", "Slurm: A_STATE_TO_COME"),
    ],
)
def test_every_state_of_the_queue_is_understood(
    job: JobFolder, says: Says, line: str, state: str, reason: str
) -> None:
    """Those of other jobs are no matter."""
    says("squeue", f"6|RUNNING|None\n{line}\n8|FAILED|None\n")
    assert standing(job) == Standing(state, reason)  # type: ignore[arg-type]


def test_what_the_queue_has_forgotten_the_accounting_knows(job: JobFolder, says: Says) -> None:
    says("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    says("sacct", "JobID|State|NodeList\n7|CANCELLED by 1000|n1\n7.batch|CANCELLED|n1\n")
    assert standing(job) == Standing("cancelled", "Slurm: CANCELLED by 1000")


def test_a_controller_that_does_not_answer_ends_no_job(job: JobFolder, says: Says) -> None:
    """It is unknown, with what it said, and may still run."""
    says("squeue", error="x\nUnable to contact slurm controller (connect failure)\n", code=1)
    assert standing(job) == Standing(
        "unknown", "Unable to contact slurm controller (connect failure)"
    )


def test_a_process_runs_until_it_has_ended(job: JobFolder) -> None:
    """And another one that has its number later is not it."""
    code = "input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        created = psutil.Process(process.pid).create_time()

        def at(created: float, host: str = machine_name()) -> Standing:
            attempt = Attempt(id=str(process.pid), host=host, created=created, budget_seconds=1.0)
            job.write(attempt)
            return standing(job)

        assert at(created) == Standing("running")
        assert at(created - 3600) == ENDED
        elsewhere = at(created, host="elsewhere")
        assert elsewhere == Standing("unknown", "a process on elsewhere: run this command there")
        process.kill()
        while process.poll() is None:
            assert at(created) in (Standing("running"), ENDED)  # a zombie has ended
    assert at(created) == ENDED
