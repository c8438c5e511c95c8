from __future__ import annotations

import pytest

from perceptron.measure.job import Outcome
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.records.run import Run
from perceptron.studies.shared.task import Task, key_of, row_of


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
