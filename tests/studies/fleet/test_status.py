"""The state of a job is what its node says last, else what the scheduler says."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
from msgspec.structs import replace

from perceptron.machine import machine_name
from perceptron.records.fleet import JobStatus
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note
from perceptron.studies.fleet.status import ENDED, Standing, fleet_status, standings
from tests.made import BENCH, bench_rows, keep
from tests.studies.fleet.conftest import Says

RUNNING = Note(machine="n1", state="running")


def only(fleet: FleetFolder) -> JobStatus:
    [status] = fleet_status(fleet).jobs
    return status


def test_while_it_runs(fleet: FleetFolder, job: JobFolder, says: Says) -> None:
    """Its machine, its rows of all attempts so far, and its last line."""
    says("squeue", "7|RUNNING|None")
    assert (only(fleet).state, only(fleet).machine) == ("running", None)
    job.write_note("7", RUNNING)
    keep(job.results, BENCH, bench_rows()[:4])
    (job.log / "7_0_log.err").write_text("measuring: 1:00 left, one\n\nmeasuring: 0:30 left, two\n")
    status = only(fleet)
    assert (status.machine, status.rows) == ("n1", 4)
    assert status.step == "measuring: 0:30 left, two"
    assert status.is_alive


def test_a_node_has_the_last_word(fleet: FleetFolder, job: JobFolder, says: Says) -> None:
    """The scheduler may know of its end later, or never."""
    for state, reason in (("done", None), ("failed", "no torch"), ("timed out", "its limit")):
        job.write_note("7", replace(RUNNING, state=state, reason=reason))
        for line in ("7|RUNNING|None", "7|FAILED|NonZeroExitCode", ""):
            says("squeue", line)
            assert (only(fleet).state, only(fleet).reason) == (state, reason)


def test_who_ends_without_a_word_is_not_done(
    fleet: FleetFolder, job: JobFolder, says: Says
) -> None:
    """Its last line is the reason, where there is one and the scheduler has none of its own."""
    job.write_note("7", RUNNING)
    says("squeue", "7|COMPLETED|None")
    assert only(fleet).state == "lost"
    says("squeue", "")
    assert (only(fleet).state, only(fleet).is_bad_news) == ("lost", True)
    (job.log / "7_0_log.err").write_text("srun: error: n1: task 0: Killed\n")
    says("squeue", "7|FAILED|NonZeroExitCode")
    assert (only(fleet).state, only(fleet).reason) == ("failed", "srun: error: n1: task 0: Killed")
    says("squeue", "7|OUT_OF_MEMORY|OutOfMemory")
    assert only(fleet).reason == "Slurm: OUT_OF_MEMORY: OutOfMemory"
    says("squeue", "7|TIMEOUT|TimeLimit")
    assert only(fleet).state == "timed out"


def standing(job: JobFolder) -> Standing:
    attempt = job.attempt()
    assert attempt is not None
    assert attempt.id is not None
    return standings([attempt])[attempt.id]


@pytest.mark.parametrize(
    ("line", "state", "reason"),
    [
        ("7|PENDING|Resources", "pending", "Slurm: PENDING: Resources"),
        ("7|RUNNING|(None)", "running", "Slurm: RUNNING"),
        ("7|OUT_OF_MEMORY|OutOfMemory", "out of memory", "Slurm: OUT_OF_MEMORY: OutOfMemory"),
        ("7|A_STATE_TO_COME|None", "unknown", "Slurm: A_STATE_TO_COME"),
    ],
)
def test_every_state_of_the_queue_is_understood(
    job: JobFolder, says: Says, line: str, state: str, reason: str
) -> None:
    """Those of other jobs are no matter."""
    says("squeue", f"6|RUNNING|None\n{line}\n8|FAILED|None\n")
    assert standing(job) == (state, reason)


def test_what_the_queue_has_forgotten_has_ended(job: JobFolder, says: Says) -> None:
    says("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    assert standing(job) == ENDED


def test_a_controller_that_does_not_answer_ends_no_job(job: JobFolder, says: Says) -> None:
    """It is unknown, with what it said, and may still run."""
    says("squeue", error="x\nUnable to contact slurm controller (connect failure)\n", code=1)
    assert standing(job) == ("unknown", "Unable to contact slurm controller (connect failure)")


def test_a_process_runs_until_it_has_ended(job: JobFolder) -> None:
    """And another one that has its number later is not it."""
    code = "input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        created = psutil.Process(process.pid).create_time()

        def at(created: float, host: str = machine_name()) -> Standing:
            attempt = Attempt(id=str(process.pid), host=host, created=created, budget_seconds=1.0)
            job.write(attempt)
            return standing(job)

        assert at(created) == ("running", None)
        assert at(created - 3600) == ENDED
        elsewhere = at(created, host="elsewhere")
        assert elsewhere == ("unknown", "a process on elsewhere: run this command there")
        process.kill()
        while process.poll() is None:
            assert at(created) in (("running", None), ENDED)  # a zombie has ended
    assert at(created) == ENDED
