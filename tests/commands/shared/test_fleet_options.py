"""What the jobs of `--on` are told to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.questions.fleet import jobs
from perceptron.questions.fleet.jobs import Request
from tests.conftest import Perceptron

Asked = list[tuple[Path, tuple[str, ...], Request]]


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was submitted to fleets."""
    requests: Asked = []

    def start(fleet: Path, names: tuple[str, ...], request: Request) -> None:
        requests.append((fleet, names, request))
        raise UserError("enough")

    monkeypatch.setattr("shutil.which", lambda _: "/bin/sbatch")
    monkeypatch.setattr(jobs, "start", start)
    return requests


def test_fleet_options_are_removed_from_job_command(here: Perceptron, submitted: Asked) -> None:
    """However it was typed; more of a budget or of time is no other question."""
    options = ("--families", "mlp-width", "mlp-depth", "--quick", "--budget", "3", "--wait")
    slurm = ("--on", "slurm", "--sbatch", "partition=a,b", "account=physics", "--html", "")
    for typed in (options, ("--quick", "--wait", "10", "--budget=3", *options[:3])):
        assert here("bench", *typed, *slurm, "--json").stderr == "error: enough\n"
    first, again = submitted
    assert first == again
    fleet, names, request = first
    assert names == ("a", "b")
    question = ["bench", "--quick", "--family", "mlp-width", "--family", "mlp-depth"]
    assert sorted(request.arguments) == sorted([*question, "--wait", "10.0", "--budget", "3.0"])
    assert (request.budget_seconds, request.machine) == (180.0, None)
    assert request.sbatch == ["time=24", "account=physics"]  # with the time to wait and a margin
    here("bench", *options[:4], "--budget", "9", *slurm[:-2], "time=9:00", "--html", "")
    assert submitted[-1][0] == fleet
    assert submitted[-1][2].sbatch[-1] == "time=9:00"


def test_fleet_options_sbatch_constraint_makes_another_fleet(
    here: Perceptron, submitted: Asked
) -> None:
    """In whatever order they are asked for; of two values of one option the later counts."""
    for words in (
        ["gpus=1", "constraint=a100|h100"],
        ["constraint=a100|h100", "gpus=2", "gpus=1"],
        ["gpus=2", "constraint=a100|h100"],
    ):
        here("bench", "--on", "slurm", "--sbatch", *words, "--html", "")
    (one, names, _), (again, _, _), (other, _, request) = submitted
    assert one == again != other
    assert names == ("default",)
    assert request.sbatch[1:] == ["gpus=2", "constraint=a100|h100"]


def test_fleet_options_job_has_budget_of_its_study(here: Perceptron, submitted: Asked) -> None:
    for command, seconds in ((["bench", "--quick"], 60.0), (["race"], 180.0)):
        here(*command, "--on", "local:3", "--html", "")
        _, names, request = submitted.pop()
        assert names == ("local-1", "local-2", "local-3")
        assert request.arguments == command
        assert request.budget_seconds == seconds


def test_fleet_options_without_slurm_advise(
    here: Perceptron, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    refused = here("bench", "--on", "slurm", "--html", "")
    assert refused.returncode == 2
    assert "no sbatch here" in refused.stderr
    assert "--on local:2" in refused.stderr
