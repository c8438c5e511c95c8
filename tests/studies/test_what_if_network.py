from __future__ import annotations

import pytest

from perceptron.analysis.data_parallel.estimate import NetworkWhatIf, NotEstimated
from perceptron.analysis.data_parallel.networks import NETWORKS
from perceptron.backends.data_parallel.buckets import bucket_bytes
from perceptron.errors import UserError
from perceptron.measure.job import Outcome
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement
from perceptron.studies import what_if_network as study
from perceptron.studies.what_if_network import ALONE, PLAIN, TWO, answer, require, tasks
from tests.conftest import MakeRow

PROBLEM = catalogue.find("mlp:256x64x128")
GIGABIT = NETWORKS["1GbE"]


def seconds(problem: str, backend: str) -> float:
    """100 µs, a microsecond a row; DDP adds 50, a message 40 µs and a byte 2 ns."""
    found = catalogue.find(problem)
    computed = 1e-4 + 1e-6 * found.step_rows / (2 if backend == TWO else 1)
    if backend == PLAIN:
        return computed
    if backend == ALONE:
        return computed + 5e-5
    buckets = bucket_bytes(found, "float32")
    return computed + 5e-5 + 2 * 4e-5 * len(buckets) + 2e-9 * sum(buckets)


def measured(row: MakeRow, threads: int = 2, processes: int = 2) -> list[Measurement]:
    rows = []
    for process in range(processes):
        for task in tasks(PROBLEM, "float32", threads, process):
            together = 2 if task.backend == TWO else 1
            rows.append(
                row(
                    problem=task.problem.name,
                    family=task.problem.family,
                    backend=task.backend,
                    threads=task.threads // together,
                    processes=together,
                    process=process,
                    seconds=seconds(task.problem.name, task.backend),
                )
            )
    return rows


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_what_was_put_in_is_found_again(row: MakeRow, threads: int) -> None:
    """Two processes on a thread each say what sending takes, whatever the machines have."""
    found = answer(measured(row, threads), PROBLEM, "float32", threads, GIGABIT)
    assert isinstance(found, NetworkWhatIf)
    assert found.compute.fixed == pytest.approx(1e-4, rel=0.01)
    assert found.compute.per_row == pytest.approx(1e-6, rel=0.01)
    assert found.compute.hooks == pytest.approx(5e-5, rel=0.01)
    assert found.sending.per_step == pytest.approx(4e-5, rel=0.01)
    assert found.sending.per_byte == pytest.approx(2e-9, rel=0.01)
    assert (found.step_rows, found.threads, found.network) == (256, threads, "1GbE")
    assert found.gradient_bytes == 4 * (64 * 128 + 128 + 128 + 1)


def test_one_process_of_each_is_enough(row: MakeRow) -> None:
    found = answer(measured(row, processes=1), PROBLEM, "float32", 2, GIGABIT)
    assert isinstance(found, NetworkWhatIf)


def test_what_is_missing_is_named_with_its_reason(row: MakeRow) -> None:
    rows = [one for one in measured(row) if one.backend != TWO]
    failed = row(
        problem="mlp:4x8x8", backend=TWO, threads=1, processes=2, status="failed", reason="rank 1"
    )
    found = answer([*rows, failed], PROBLEM, "float32", 2, GIGABIT)
    assert found == NotEstimated(
        network="1GbE", reason="torch-ddp@2 on mlp:4x8x8, 2 threads: rank 1"
    )


def test_without_any_time_it_says_so(row: MakeRow) -> None:
    found = answer([], PROBLEM, "float32", 2, GIGABIT)
    assert isinstance(found, NotEstimated)
    assert "torch-cpu on mlp:256x64x128, 2 threads: the run ended before its turn" in found.reason


def test_rows_of_another_dtype_are_left_out(row: MakeRow) -> None:
    assert isinstance(answer(measured(row), PROBLEM, "float64", 2, GIGABIT), NotEstimated)


@pytest.mark.parametrize(
    "reference",
    ["or-gate", "mlp-width:8192", "mlp-batch:256", "mlp:20000x64x32:10c:512b:adam", "mlp:2x3"],
)
def test_every_problem_has_what_must_be_measured(reference: str) -> None:
    """The problem itself with DDP and without, and others with its layers and optimizer."""
    problem = catalogue.find(reference)
    wanted = tasks(problem, "float32", 2, 0)
    own = [task for task in wanted if task.group == "network" and task.threads == 2]
    assert {(problem.name, PLAIN), (problem.name, ALONE)} <= {
        (task.problem.name, task.backend) for task in own
    }
    alike = [task.problem for task in wanted if task.backend == PLAIN]
    assert len({one.step_rows for one in alike}) == len(alike) >= 2
    for one in alike:
        assert one.widths == problem.widths
        assert one.optimizer.kind.split()[0] == problem.optimizer.kind.split()[0]


def test_what_cannot_be_estimated_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="batches from the host"):
        require(catalogue.find("mlp-batch-host:64"))
    monkeypatch.setattr(study, "usable_cores", lambda: 1)
    with pytest.raises(UserError, match="here is one core"):
        require(PROBLEM)
    monkeypatch.setattr(study.registry, "reason_unavailable", lambda name: f"{name} is not there")
    with pytest.raises(UserError, match="measures torch-cpu: torch-cpu is not there"):
        require(PROBLEM)


def test_an_outcome_that_failed_is_no_time(row: MakeRow) -> None:
    """What a worker answers without seconds must not enter a fit as 0."""
    outcome = Outcome(problem=PROBLEM.name, status="failed", reason="disagrees")
    rows = [row(problem=PROBLEM.name, backend=PLAIN, status=outcome.status, reason=outcome.reason)]
    found = answer(rows, PROBLEM, "float32", 2, GIGABIT)
    assert isinstance(found, NotEstimated)
    assert found.reason.endswith("disagrees")
