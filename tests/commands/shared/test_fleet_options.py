"""`--on` and its companions: what they say, what they refuse, and what a job is told to run."""

from __future__ import annotations

import pytest

from perceptron.commands.shared import study_command
from perceptron.commands.shared.fleet_options import FleetRequest
from tests.conftest import Perceptron


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[FleetRequest, float]]:
    """What fleets were asked for, with the budget of each job."""
    requests: list[tuple[FleetRequest, float]] = []

    def run_fleet(request: FleetRequest, budget_seconds: float) -> int:
        requests.append((request, budget_seconds))
        return 1

    monkeypatch.setattr(study_command, "run_fleet", run_fleet)
    return requests


def test_a_job_runs_what_was_typed_without_the_fleet(
    here: Perceptron, asked: list[tuple[FleetRequest, float]]
) -> None:
    """In one order, however it was typed; the exit code is the fleet's."""
    options = ("--families", "mlp-width", "mlp-depth", "--quick", "--budget", "3", "--wait")
    for typed in (options, ("--quick", "--wait", "10", "--budget=3", *options[:3])):
        done = here("bench", *typed, "--on", "slurm", "--partitions", "a,b", "--json")
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    (first, budget), (second, _) = asked
    assert first == second
    assert (first.where, first.jobs, budget) == ("slurm", ("a", "b"), 180.0)
    assert first.question == (
        *("bench", "--quick"),
        *("--families", "mlp-width", "--families", "mlp-depth"),
    )
    assert first.further == ("--wait", "10.0", "--budget", "3.0")
    assert (first.wait_minutes, first.options["json"]) == (10.0, True)


def test_a_job_has_the_budget_of_its_study(
    here: Perceptron, asked: list[tuple[FleetRequest, float]]
) -> None:
    for command, seconds in ((("bench", "--quick"), 60.0), (("race",), 180.0)):
        assert here(*command, "--on", "local:3").returncode == 1
        request, budget = asked.pop()
        assert request.jobs == ("local-1", "local-2", "local-3")
        assert (request.question, budget) == (command, seconds)


def test_what_sbatch_is_told(here: Perceptron, asked: list[tuple[FleetRequest, float]]) -> None:
    here(
        *("bench", "--on", "slurm", "--gpus", "2", "--time", "90"),
        *("--sbatch", "account=physics", "no-requeue", "constraint=a100|h100"),
    )
    [(request, _)] = asked
    assert (request.jobs, request.gpus, request.minutes) == (("default",), 2, 90)
    assert request.sbatch == ("account=physics", "no-requeue", "constraint=a100|h100")
