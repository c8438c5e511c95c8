"""The state of a job is what its node says last, else what the scheduler says."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest
from msgspec.structs import replace

from perceptron.machine import machine_name
from perceptron.records.fleet import JobStatus
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note, open_fleet
from perceptron.studies.fleet.status import ENDED, Standing, fleet_status, standings
from tests.made import BENCH, bench_rows, keep
from tests.studies.fleet.conftest import Says, plan

RUNNING = Note(machine="n1", state="running", budget_seconds=60.0)


def only(fleet: FleetFolder) -> JobStatus:
    [status] = fleet_status(fleet).jobs
    return status


def test_while_it_runs(fleet: FleetFolder, job: JobFolder, says: Says) -> None:
    """Its machine, its rows of all attempts so far, and its last line."""
    says("squeue", "7|RUNNING|None")
    assert (only(fleet).state, only(fleet).machine) == ("running", None)
    job.write_note("7", 0, RUNNING)
    keep(job.results, BENCH, bench_rows()[:4])
    (job.log / "7_0_log.err").write_text("measuring: 1:00 left, one\n\nmeasuring: 0:30 left, two\n")
    status = only(fleet)
    assert (status.machine, status.rows) == ("n1", 4)
    assert status.step == "measuring: 0:30 left, two"
    assert status.is_alive
    says("squeue", "7|PENDING|BeginTime")  # queued again after its node was taken away
    assert only(fleet).state == "pending"


def test_a_node_has_the_last_word(fleet: FleetFolder, job: JobFolder, says: Says) -> None:
    """The scheduler may know of its end later, or never."""
    for state, reason in (("done", None), ("failed", "no torch"), ("timed out", "its limit")):
        job.write_note("7", 0, replace(RUNNING, state=state, reason=reason))
        for line in ("7|RUNNING|None", "7|FAILED|NonZeroExitCode", ""):
            says("squeue", line)
            assert (only(fleet).state, only(fleet).reason) == (state, reason)


def test_who_was_told_to_end_says_so_where_the_scheduler_does_not_say_why(
    fleet: FleetFolder, job: JobFolder, says: Says
) -> None:
    job.write_note("7", 0, replace(RUNNING, state="cancelled", reason="told to end"))
    for line in ("7|COMPLETING|None", "7|FAILED|NonZeroExitCode", "7|COMPLETED|None", ""):
        says("squeue", line)
        assert (only(fleet).state, only(fleet).reason) == ("cancelled", "told to end")
    for word, state in (
        ("PREEMPTED", "preempted"),
        ("TIMEOUT", "timed out"),
        ("PENDING", "pending"),
    ):
        says("squeue", f"7|{word}|None")
        assert only(fleet).state == state


def test_who_ends_without_a_word_is_not_done(
    fleet: FleetFolder, job: JobFolder, says: Says
) -> None:
    """Its last line is the reason, where there is one and the scheduler has none of its own."""
    job.write_note("7", 0, RUNNING)
    says("squeue", "7|COMPLETED|None")
    assert only(fleet).state == "lost"
    says("squeue", "")
    assert (only(fleet).state, only(fleet).is_bad_news) == ("lost", True)
    (job.log / "7_0_log.err").write_text("srun: error: n1: task 0: Killed\nslurm_script: line 19: ")
    says("squeue", "7|FAILED|NonZeroExitCode")
    assert (only(fleet).state, only(fleet).reason) == ("failed", "srun: error: n1: task 0: Killed")
    says("squeue", "7|OUT_OF_MEMORY|OutOfMemory")
    assert only(fleet).reason == "Slurm: OUT_OF_MEMORY: OutOfMemory"
    says("squeue", "7|TIMEOUT|TimeLimit")
    assert only(fleet).state == "timed out"


def test_every_node_of_a_job_stands_for_itself(fleet: FleetFolder, says: Says) -> None:
    wide = open_fleet(fleet.path.parents[1], plan(nodes=2))
    job = wide.job("a")
    job.write(Attempt(id="8", host="login", budget_seconds=60.0))
    job.write_note("8", 0, replace(RUNNING, state="done"))
    keep(job.results, BENCH, bench_rows()[:4], folder="n1", machine="n1")
    says("squeue", "8|RUNNING|None")
    first, second = fleet_status(wide).jobs
    assert (first.job, first.machine, first.state, first.rows) == ("a/0", "n1", "done", 4)
    assert (second.job, second.machine, second.state) == ("a/1", None, "running")


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
    assert standing(job) == (state, reason)


def test_what_the_queue_has_forgotten_the_accounting_knows(job: JobFolder, says: Says) -> None:
    says("squeue", error="slurm_load_jobs error: Invalid job id specified", code=1)
    says("sacct", "JobID|State|NodeList\n7|CANCELLED by 1000|n1\n7.batch|CANCELLED|n1\n")
    assert standing(job) == ("cancelled", "Slurm: CANCELLED by 1000")


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
