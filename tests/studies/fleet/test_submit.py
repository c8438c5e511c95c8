"""What is handed to a scheduler, and what becomes of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
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
    asked = submission(
        partition="a", nodes=2, gpus=1, minutes=30, sbatch=["account=physics", "no-requeue"]
    )
    attempt = submit(fleet.job("a"), asked)
    assert (attempt.id, attempt.created, attempt.refused) == ("12", None, None)
    lines = batch_file(fleet)
    wanted = {
        *("--partition=a", "--nodes=2", "--gpus-per-node=1", "--time=30", "--exclusive", "--mem=0"),
        *("--ntasks-per-node=1", "--account=physics", "--no-requeue", "--signal=USR2@90"),
    }
    assert {f"#SBATCH {option}" for option in wanted} <= set(lines)
    assert any("--cpu-bind=none" in line for line in lines)


def test_memory_that_the_user_asks_for_is_what_he_gets(fleet: FleetFolder, says: Says) -> None:
    says("sbatch", "Submitted batch job 12\n")
    says("srun")
    submit(fleet.job("a"), submission(sbatch=["mem-per-cpu=2G"]))
    memory = [line for line in batch_file(fleet) if "--mem" in line]
    assert memory == ["#SBATCH --mem-per-cpu=2G"]


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
    assert minutes_for(60.0, is_own=False) == 12
    assert minutes_for(60.0, is_own=False, wait_minutes=10) == 22
    assert minutes_for(3600.0, is_own=False) == 76
    assert minutes_for(3600.0, is_own=True) > 3 * 60, "of more backends, on the node"


def test_a_job_on_this_machine_belongs_to_no_terminal(fleet: FleetFolder) -> None:
    """Neither ctrl-C nor a lost terminal, which go to a session, reach it."""
    asked = submission(arguments=["backends"], where="local", machine="box")
    attempt = submit(fleet.job("a"), asked)
    assert attempt.refused is None
    assert attempt.id is not None
    keeper = psutil.Process(int(attempt.id))
    assert keeper.create_time() == attempt.created
    assert os.getsid(keeper.pid) != os.getsid(0)
    end = time.monotonic() + 60
    note = None
    while time.monotonic() < end and (note is None or note.state == "running"):
        time.sleep(0.1)
        note = fleet.job("a").note(attempt.id, 0)
    # `backends` takes no --machine: the line that says so is the reason.
    assert note is not None
    assert (note.machine, note.state) == ("box", "failed")
    assert "No such option: --results" in str(note.reason)
