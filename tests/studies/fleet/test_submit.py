"""What is handed to a scheduler, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.studies.fleet.folder import FleetFolder
from perceptron.studies.fleet.submit import minutes_for, require_slurm, submit
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
    submitted = submit(fleet.job("a"), asked)
    assert (submitted.id, submitted.created, submitted.refused) == ("12", None, None)
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
    submitted = submit(fleet.job("a"), submission(partition="c"))
    assert submitted.id is None
    assert submitted.refused == "sbatch: error: invalid partition specified: c"
    assert fleet.job("a").submission() == submitted


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
