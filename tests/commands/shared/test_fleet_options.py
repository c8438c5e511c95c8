"""What the jobs of `--on` are told to run."""

from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.studies.fleet import submit
from perceptron.studies.fleet.folder import FleetFolder, Submission
from tests.conftest import Perceptron

Asked = list[tuple[FleetFolder, dict[str, Submission]]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was submitted to fleets."""
    requests: Asked = []

    def start(fleet: FleetFolder, submissions: dict[str, Submission]) -> None:
        requests.append((fleet, submissions))
        raise UserError("enough")

    monkeypatch.setattr(submit, "require_slurm", lambda: None)
    monkeypatch.setattr(submit, "start", start)
    return requests


def test_a_job_runs_what_was_typed_without_the_fleet(here: Perceptron, asked: Asked) -> None:
    """In one order, however it was typed; more of a budget is no other question."""
    options = ("--families", "mlp-width", "mlp-depth", "--quick", "--budget", "3", "--wait")
    for typed in (options, ("--quick", "--wait", "10", "--budget=3", *options[:3])):
        done = here("bench", *typed, "--on", "slurm", "--partitions", "a,b", "--html", "", "--json")
        assert done.stderr == "error: enough\n"
    (fleet, jobs), (same, again) = asked
    assert (fleet, jobs) == (same, again)
    assert list(jobs) == ["a", "b"]
    question = ["bench", "--quick", "--families", "mlp-width", "--families", "mlp-depth"]
    assert jobs["a"].arguments == [*question, "--wait", "10.0", "--budget", "3.0"]
    assert (jobs["a"].partition, jobs["a"].budget_seconds) == ("a", 180.0)
    assert jobs["a"].minutes == submit.minutes_for(180.0, 10.0)
    here("bench", *options[:4], "--budget", "9", "--on", "slurm", "--html", "")
    assert asked[-1][0] == fleet


def test_a_job_has_the_budget_of_its_study(here: Perceptron, asked: Asked) -> None:
    for command, seconds in ((["bench", "--quick"], 60.0), (["race"], 180.0)):
        here(*command, "--on", "local:3", "--html", "")
        _, jobs = asked.pop()
        assert list(jobs) == ["local-1", "local-2", "local-3"]
        assert {tuple(job.arguments) for job in jobs.values()} == {tuple(command)}
        assert {job.budget_seconds for job in jobs.values()} == {seconds}


def test_what_sbatch_is_told(here: Perceptron, asked: Asked) -> None:
    here(
        *("bench", "--on", "slurm", "--gpus", "2", "--time", "90", "--html", ""),
        *("--sbatch", "account=physics", "no-requeue", "constraint=a100|h100"),
    )
    [(_, jobs)] = asked
    job = jobs["default"]
    assert (job.partition, job.gpus, job.minutes) == (None, 2, 90)
    assert job.sbatch == ["account=physics", "no-requeue", "constraint=a100|h100"]
