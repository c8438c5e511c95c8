from __future__ import annotations

import pytest

from perceptron import rehearsal
from perceptron.backends import registry
from perceptron.measure import worker
from perceptron.measure.job import Outcome
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.records.run import Run
from perceptron.studies.shared.task import Task, job_of, key_of, row_of


def test_a_row_of_a_rehearsal_names_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has all that a GPU's row has but what only a GPU can tell."""
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    monkeypatch.setattr(worker, "assert_threads_of_each", lambda backend, threads: None)
    problem = catalogue.find("or-gate")
    task = Task(problem, "torch-cuda", "float32", 1, 0, "g", Effort(samples=2, iterations=3))
    outcome = worker.measure(registry.load("torch-cuda"), problem.reference, job_of([task]))
    run = Run(plan={}, machine="box", environment="e", commit=None, code="c", started="now")
    row = row_of(task, outcome, run)
    assert (row.status, row.device) == ("ok", "cuda stand-in"), row.reason
    assert (row.code, row.environment, row.problem_digest) == ("c", "e", problem.digest)
    assert row.device_seconds is not None
    assert row.device_seconds > 0
    assert row.gpu is None


@pytest.mark.parametrize(
    ("backend", "threads"), [("torch-ddp@2", 4), ("torch-ddp", 3), ("numpy", 3)]
)
def test_a_row_is_known_as_that_of_its_task(backend: str, threads: int) -> None:
    """Also where processes share the threads: the row has those of each."""
    problem = catalogue.find("or-gate")
    task = Task(problem, backend, "float32", threads, 0, "g", Effort(samples=2))
    run = Run(plan={}, machine="box", environment="e", commit=None, started="now")
    row = row_of(task, Outcome(problem=problem.reference, status="skipped"), run)
    assert key_of(row) == task.key
    assert (row.processes, row.threads) == ((2, 2) if "@" in backend else (1, 3))
