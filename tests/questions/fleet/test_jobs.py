"""Jobs are submitted once, and their state is what their folder says, else the queue of Slurm."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.questions.fleet import jobs
from perceptron.questions.fleet.jobs import (
    DONE,
    LOG,
    RESULTS,
    SCRIPT,
    Request,
    fleet_status,
    fleets,
    open_fleet,
    start,
    wait,
)
from perceptron.records.fleet import JobStatus
from perceptron.records.store import load_plan
from tests.conftest import ROOT
from tests.made import BENCH, bench_rows, keep
from tests.questions.fleet.conftest import Runs, Says
from tests.slurm import wait_until

ASKED = Request(arguments=["bench", "--quick"], budget_seconds=60.0, sbatch=["time=12"])


def only(fleet: Path) -> JobStatus:
    [status] = fleet_status(fleet).jobs
    return status


def ended(fleet: Path) -> JobStatus:
    """The state of the job here, once it has ended."""
    [job] = wait(fleet, ["local-1"], lambda _: None, lambda _: time.sleep(0.02)).jobs
    return job


def words_given(tmp_path: Path) -> list[str]:
    """What sbatch was told."""
    file = tmp_path / "bin" / "sbatch.asked"
    return file.read_text().splitlines() if file.exists() else []


def cut_short_and_done(job: Path, cut_short: bool = True) -> None:
    """Have a job be done, of a budget of a minute, as if that had cut it short."""
    run = keep(job / RESULTS, BENCH, bench_rows())
    stored = msgspec.structs.replace(load_plan(run), cut_short=cut_short, budget_seconds=60.0)
    (run / "run.json").write_bytes(msgspec.json.encode(stored))
    (job / DONE).touch()


# --- what is submitted ---------------------------------------------------------------------------


def test_slurm_job_requests_whole_machine_and_user_options(
    fleet: Path, says: Says, tmp_path: Path
) -> None:
    """Of two values of one option sbatch takes the later."""
    sbatch = ["time=12", "gpus=1", "mem=8G", "time=30"]
    start(fleet, ["a"], replace(ASKED, sbatch=sbatch))
    words = words_given(tmp_path)
    assert {"--partition=a", "--nodes=1", "--exclusive", "--no-requeue", "--gpus=1"} <= set(words)
    assert words.index("--mem=0") < words.index("--mem=8G")
    assert words.index("--time=12") < words.index("--time=30")
    assert words[-1] == str(fleet / "jobs" / "a" / SCRIPT)
    assert '--machine "$SLURMD_NODENAME"' in (fleet / "jobs" / "a" / SCRIPT).read_text()


def test_slurm_refusal_is_quoted_and_other_jobs_submitted(fleet: Path, says: Says) -> None:
    """Other jobs are submitted, and named."""
    refusal = "sbatch: error: invalid partition specified: c"
    says("sbatch", error=f"{refusal}\n", code=1, unless="--partition=[ab]")
    with pytest.raises(UserError, match=f"^--on: submitted a, b; refused c: {refusal}$"):
        start(fleet, ["a", "c", "b"], ASKED)
    states = {job.job: job.state for job in fleet_status(fleet).jobs}
    assert states == {"a": "failed", "b": "failed", "c": "not submitted"}


def test_slurm_refused_resume_leaves_job_done(fleet: Path, says: Says) -> None:
    start(fleet, ["a"], ASKED)
    cut_short_and_done(fleet / "jobs" / "a")
    says("sbatch", error="sbatch: error: too many jobs\n", code=1)
    with pytest.raises(UserError, match="too many jobs"):
        start(fleet, ["a"], replace(ASKED, budget_seconds=120.0))
    assert only(fleet).state == "done"


@pytest.mark.parametrize("who", ["we", "sbatch"])
def test_slurm_timeout_looks_for_job_in_queue(
    fleet: Path, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    start(fleet, ["a"], ASKED)
    job = fleet / "jobs" / "a"
    cut_short_and_done(job)
    says("sbatch", error="sbatch: error: Socket timed out on send/recv operation\n", code=1)
    if who == "we":
        (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\nexec sleep 60\n")
        monkeypatch.setattr(jobs, "_SLURM_SECONDS", 0.5)
    with pytest.raises(UserError, match="not known whether a was submitted: ask squeue"):
        start(fleet, ["a"], replace(ASKED, budget_seconds=120.0))
    monkeypatch.setattr(jobs, "_SLURM_SECONDS", 60.0)
    says("squeue", f"7|RUNNING|None|{job / SCRIPT}\n")
    assert only(fleet).state == "running"


@pytest.mark.parametrize(
    ("line", "done", "again"),
    [("PENDING|Resources", False, False), ("", True, False), ("", False, True)],
)
def test_fleet_submits_only_jobs_neither_done_nor_queued(
    fleet: Path, says: Says, tmp_path: Path, line: str, done: bool, again: bool
) -> None:
    start(fleet, ["a"], ASKED)
    says("squeue", f"7|{line}|{fleet / 'jobs' / 'a' / SCRIPT}\n" if line else "")
    if done:
        (fleet / "jobs" / "a" / DONE).touch()
    start(fleet, ["a", "b"], ASKED)
    partitions = [word[-1] for word in words_given(tmp_path) if word.startswith("--partition")]
    assert partitions == (["a", "a", "b"] if again else ["a", "b"])


@pytest.mark.parametrize(
    ("cut_short", "budget", "again"),
    [(True, 120.0, True), (True, 60.0, False), (False, 120.0, False)],
)
def test_fleet_larger_budget_resumes_cut_short_job(
    fleet: Path, says: Says, cut_short: bool, budget: float, again: bool
) -> None:
    """If that is why it ended."""
    job = fleet / "jobs" / "a"
    start(fleet, ["a"], ASKED)
    cut_short_and_done(job, cut_short)
    start(fleet, ["a"], replace(ASKED, budget_seconds=budget))
    assert (job / DONE).exists() == (not again)


@pytest.mark.parametrize(
    ("option", "name"), [("--problem", "mine.toml"), ("--functions", "mine.py")]
)
def test_fleet_edited_file_is_another_fleet(
    option: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = (ROOT / "docs" / "examples" / "points-width.toml").read_text()
    text = model if name.endswith(".toml") else "SIZES = (1, 2)\n"
    for content in (text, text, f"{text}# edited\n"):
        Path(name).write_text(content)
        open_fleet(tmp_path, ["crossover", option, name], True, ())
    assert len(fleets(tmp_path)) == 2


# --- the state of each ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "state", "reason"),
    [
        ("PENDING|Resources", "pending", "Slurm: PENDING: Resources"),
        ("RUNNING|None", "running", "Slurm: RUNNING"),
        ("COMPLETING|None", "running", "Slurm: COMPLETING"),
    ],
)
def test_fleet_status_of_queued_job(
    fleet: Path, says: Says, line: str, state: str, reason: str
) -> None:
    """Its machine, its rows of all attempts so far, and its last line; other jobs are no matter."""
    start(fleet, ["a"], ASKED)
    job = fleet / "jobs" / "a"
    says("squeue", f"6|PENDING|None|/elsewhere/job.sh\n7|{line}|{job / SCRIPT}\n")
    keep(job / RESULTS, BENCH, bench_rows()[:4])
    (job / LOG).write_text("measuring: 1:00 left, one\n\nmeasuring: 0:30 left, two\n")
    status = only(fleet)
    assert (status.state, status.reason, status.id) == (state, reason, "7")
    assert (status.machine, status.rows, status.step) == ("box", 4, "measuring: 0:30 left, two")


def test_fleet_ended_job_has_slurm_reason_or_its_own(fleet: Path, says: Says) -> None:
    start(fleet, ["a"], ASKED)
    assert "its machine went down" in str(only(fleet).reason)
    slurm_error = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***"
    for lines in (["error: no torch"], [slurm_error], [slurm_error, "error: interrupted"]):
        (fleet / "jobs" / "a" / LOG).write_text("".join(f"{line}\n" for line in lines))
        assert (only(fleet).state, only(fleet).has_failed) == ("failed", True)
        assert only(fleet).reason == lines[0].removeprefix("error: ")
    (fleet / "jobs" / "a" / DONE).touch()
    assert (only(fleet).state, only(fleet).reason) == ("done", None)


@pytest.mark.parametrize("can_run", [True, False])
def test_fleet_unreachable_squeue_leaves_job_unknown(
    fleet: Path, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_run: bool
) -> None:
    """The job is unknown, with what was said, and may still run."""
    start(fleet, ["a"], ASKED)
    why = "Unable to contact slurm controller (connect failure)"
    says("squeue", error=f"x\n{why}\n", code=1)
    if not can_run:
        why = "squeue: Exec format error: run this command on a machine of the cluster"
        (tmp_path / "bin" / "squeue").write_text("no program")
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert only(fleet).reason == why
    assert (only(fleet).state, only(fleet).is_alive) == ("unknown", True)


@pytest.mark.parametrize("links", ["mine", "of who submitted"])
def test_fleet_folder_may_have_two_names(
    tmp_path: Path, fleet: Path, says: Says, links: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "results")
    linked = tmp_path / "link" / fleet.relative_to(tmp_path / "results")
    mine, theirs = (linked, fleet) if links == "mine" else (fleet, linked)
    start(theirs, ["a"], ASKED)
    says("squeue", f"7|RUNNING|None|{theirs / 'jobs' / 'a' / SCRIPT}\n")
    assert only(mine).state == "running"


# --- jobs on this machine ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [(0, "done", None), (1, "done", None), (3, "done", None), (2, "failed", "no torch")],
)
def test_local_job_state_and_reason_follow_exit_code(
    here: Path, runs: Runs, code: int, state: str, reason: str | None
) -> None:
    runs(f"echo 'error: no torch'; exit {code}")
    start(here, ["local-1"], ASKED)
    assert (ended(here).state, ended(here).reason) == (state, reason)


def test_local_job_runs_until_last_process_ends(here: Path, runs: Runs, tmp_path: Path) -> None:
    """Told to end it has time to answer; meanwhile no other is started."""
    numbers = tmp_path / "numbers"
    runs(f"trap 'exit 3' TERM; echo $$ $PPID >{numbers}; while :; do sleep 0.05; done")
    start(here, ["local-1"], ASKED)
    assert wait_until(lambda: numbers.exists() and numbers.read_text().endswith("\n"), 60)
    command, shell = map(int, numbers.read_text().split())
    start(here, ["local-1"], ASKED)
    os.kill(shell, signal.SIGTERM)
    assert only(here).state == "running"
    os.kill(command, signal.SIGTERM)
    assert ended(here).state == "done"
    assert numbers.read_text().split() == [str(command), str(shell)]


def test_local_job_on_another_host_is_unknown(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = here / "jobs" / "local-1"
    job.mkdir(parents=True)
    (job / SCRIPT).touch()
    assert only(here).state == "failed"
    monkeypatch.setattr(jobs, "machine_name", lambda: "elsewhere")
    assert only(here).state == "unknown"


def test_fleet_status_does_not_wait_for_pipes(here: Path) -> None:
    """A fleet's folder may come from anywhere."""
    job = here / "jobs" / "local-1"
    job.mkdir(parents=True)
    (job / SCRIPT).touch()
    os.mkfifo(job / LOG)
    assert only(here).state == "failed"
    (here / "plan.json").unlink()
    os.mkfifo(here / "plan.json")
    with pytest.raises(UserError, match=r"plan\.json: no ordinary file"):
        only(here)
