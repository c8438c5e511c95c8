"""What is handed to a scheduler, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.files.write import replace as write
from perceptron.records.fleet import FleetStatus
from perceptron.records.store import load_plan
from perceptron.studies.fleet import submit as module
from perceptron.studies.fleet.folder import Attempt, FleetFolder, JobFolder, Note, Submission
from perceptron.studies.fleet.submit import minutes_for, require_slurm, start, submit, wait
from tests.made import BENCH, bench_rows, keep
from tests.studies.fleet.conftest import Says, submission


def batch_file(fleet: FleetFolder) -> list[str]:
    [file] = fleet.path.glob("jobs/a/log/*_submission.sh")
    return file.read_text().splitlines()


def test_a_job_asks_for_a_whole_machine_and_what_else_the_user_says(
    fleet: FleetFolder, says: Says
) -> None:
    """Through submitit, which needs the package on the node and nothing else."""
    says("sbatch", "Submitted batch job 12\n")
    says("srun")
    asked = submission(partition="a", gpus=1, minutes=30, sbatch=["account=physics", "mem=8G"])
    attempt = submit(fleet.job("a"), asked)
    assert (attempt.id, attempt.created, attempt.refused) == ("12", None, None)
    lines = batch_file(fleet)
    wanted = {
        *(
            "--partition=a",
            "--nodes=1",
            "--gpus-per-node=1",
            "--time=30",
            "--exclusive",
            "--mem=8G",
        ),
        *("--ntasks-per-node=1", "--account=physics", "--no-requeue", "--signal=USR2@90"),
    }
    assert {f"#SBATCH {option}" for option in wanted} <= set(lines)
    assert any("--cpu-bind=none" in line for line in lines)


def test_what_a_scheduler_refuses_is_told_in_its_words(fleet: FleetFolder, says: Says) -> None:
    says("sbatch", error="sbatch: error: invalid partition specified: c\n", code=1)
    says("srun")
    attempt = submit(fleet.job("a"), submission(partition="c"))
    assert attempt.id is None
    assert attempt.refused == "sbatch: error: invalid partition specified: c"
    assert fleet.job("a").attempt() == attempt


def test_without_slurm_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: Says
) -> None:
    says("sbatch")
    says("srun")
    require_slurm()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no sbatch and no srun here: .*--on local:2"):
        require_slurm()


def test_a_time_limit_leaves_room_around_the_budget() -> None:
    assert minutes_for(60.0) == 12
    assert minutes_for(60.0, wait_minutes=10) == 22
    assert minutes_for(3600.0) == 76


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were handed over, to a scheduler that takes all."""
    names: list[str] = []

    def submit(job: JobFolder, asked: Submission) -> None:
        names.append(job.name)
        number = str(100 + len(names))
        job.write(Attempt(id=number, host="login", budget_seconds=asked.budget_seconds))
        job.log.mkdir(exist_ok=True)

    monkeypatch.setattr(module, "submit", submit)
    return names


def end(job: JobFolder, state: str, **fields: object) -> None:
    attempt = job.attempt()
    assert attempt is not None
    assert attempt.id is not None
    note = {"machine": "n1", "state": state}
    job.write_note(attempt.id, Note(**(note | fields)))  # type: ignore[arg-type]


def test_only_what_is_not_done_and_not_at_work_is_submitted(
    fleet: FleetFolder, submitted: list[str], says: Says
) -> None:
    asked = {name: submission(partition=name) for name in ("a", "b", "c", "d")}
    start(fleet, {name: asked[name] for name in ("a", "b", "c")})
    assert submitted == ["a", "b", "c"]
    says("squeue", "101|PENDING|Resources\n102|RUNNING|None\n103|RUNNING|None\n")
    end(fleet.job("b"), "done")
    end(fleet.job("c"), "failed", reason="no torch")
    start(fleet, asked)
    assert submitted == ["a", "b", "c", "c", "d"]


@pytest.mark.parametrize("line", ["", "101|PREEMPTED|None"])
def test_what_ended_before_it_was_done_is_submitted_again(
    fleet: FleetFolder, submitted: list[str], says: Says, line: str
) -> None:
    start(fleet, {"a": submission()})
    end(fleet.job("a"), "running")
    says("squeue", line)
    start(fleet, {"a": submission()})
    assert submitted == ["a", "a"]


@pytest.mark.parametrize(
    ("cut_short", "budget", "again"),
    [(True, 120.0, True), (True, 60.0, False), (False, 120.0, False)],
)
def test_a_larger_budget_goes_on_where_a_smaller_one_ended(
    fleet: FleetFolder, submitted: list[str], cut_short: bool, budget: float, again: bool
) -> None:
    """If that is why it ended."""
    job = fleet.job("a")
    start(fleet, {"a": submission()})
    folder = keep(job.results, BENCH, bench_rows())
    run = replace(load_plan(folder), cut_short=cut_short)
    write(folder / "run.json", run)
    end(job, "done")
    start(fleet, {"a": submission(budget_seconds=budget)})
    assert (submitted == ["a", "a"]) == again


def test_waiting_ends_with_the_last_job(
    fleet: FleetFolder, submitted: list[str], says: Says
) -> None:
    start(fleet, {"a": submission(), "b": submission()})
    assert submitted == ["a", "b"]
    says("squeue", "101|RUNNING|None\n102|PENDING|Resources\n")
    seen: list[FleetStatus] = []

    def sleep(_: float) -> None:
        if len(seen) == 1:
            end(fleet.job("a"), "done")
        else:
            says("squeue", "101|COMPLETED|None\n102|CANCELLED|None\n")

    status = wait(fleet, ["a", "b"], seen.append, sleep)
    assert [job.state for job in status.jobs] == ["done", "cancelled"]
    assert [job.state for job in seen[0].jobs] == ["running", "pending"]
