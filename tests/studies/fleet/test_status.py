"""Where a job stands is what its node says last, else what the scheduler says."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.records.fleet import JobStatus
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note, open_fleet
from perceptron.studies.fleet.status import fleet_status
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
