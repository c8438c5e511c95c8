"""What is submitted when the same command is typed again, and when waiting ends."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.records.files.write import replace as write
from perceptron.records.fleet import FleetStatus
from perceptron.records.store import load_plan
from perceptron.studies.fleet import submit as module
from perceptron.studies.fleet.folder import FleetFolder, JobFolder, Note, Submission
from perceptron.studies.fleet.submit import start, wait
from tests.made import BENCH, bench_rows, keep
from tests.studies.fleet.conftest import Says, submission


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were handed over, to a scheduler that takes all."""
    names: list[str] = []

    def submit(job: JobFolder, asked: Submission) -> None:
        names.append(job.name)
        job.write(replace(asked, id=str(100 + len(names)), host="login"))
        job.log.mkdir(exist_ok=True)

    monkeypatch.setattr(module, "submit", submit)
    return names


def end(job: JobFolder, state: str, **fields: object) -> None:
    submitted = job.submission()
    assert submitted is not None
    assert submitted.id is not None
    note = {"machine": "n1", "state": state}
    job.write_note(submitted.id, Note(**(note | fields)))  # type: ignore[arg-type]


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
