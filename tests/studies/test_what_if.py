from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import EAGER, GRAPH, DeviceEstimate
from perceptron.errors import UserError
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.records.measurement import Measurement
from perceptron.studies import what_if as study
from tests.conftest import MakeRow

H100 = DEVICES["h100"]
SIZES = (2, 32, 512, 8192)
PROBLEMS = [FAMILIES["mlp-width"].problem(size) for size in SIZES]


@pytest.fixture(autouse=True)
def _guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimate 100 µs eagerly and 10 µs as a graph, whatever the problem."""

    def estimates(problems: list[Problem], *_: object) -> dict[str, list[DeviceEstimate]]:
        return {
            problem.name: [
                DeviceEstimate(
                    backend=backend,
                    device="h100",
                    size=problem.size,
                    seconds=seconds,
                    low=seconds / 2,
                    high=seconds * 2,
                )
                for backend, seconds in ((EAGER, 1e-4), (GRAPH, 1e-5))
            ]
            for problem in problems
        }

    monkeypatch.setattr(study, "estimates", estimates)


def crossovers(row: MakeRow, **fields: object) -> CrossoverResult:
    """numpy takes a microsecond for each unit of width."""
    rows = [
        row(
            family="mlp-width",
            problem=f"mlp-width:{size}",
            size=size,
            seconds=1e-6 * size,
            process=process,
            **fields,
        )
        for size in SIZES
        for process in range(2)
    ]
    return CrossoverResult(crossovers=[], from_cold=[], iterations=1, amortisations=[], rows=rows)


def test_what_was_measured_stands_against_both_estimates(row: MakeRow) -> None:
    """numpy takes 100 µs at a width of 100 and 10 µs at 10."""
    eager, graph = study.of_crossovers(crossovers(row), PROBLEMS, "float32", 2, H100)
    assert (eager.challenger, graph.challenger) == (EAGER, GRAPH)
    assert eager.size == pytest.approx(100, rel=0.01)
    assert graph.size == pytest.approx(10, rel=0.01)
    assert eager.low is not None
    assert eager.high is not None
    assert eager.low < eager.size < eager.high


def test_other_threads_are_left_out(row: MakeRow) -> None:
    assert study.of_crossovers(crossovers(row, threads=1), PROBLEMS, "float32", 2, H100) == []


def keep(folder: Path, rows: list[Measurement]) -> Path:
    run = folder / "runs" / rows[0].machine / "one"
    run.mkdir(parents=True)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (run / "measurements.jsonl").write_bytes(lines)
    return folder


def test_estimates_are_checked_against_a_machine_named_after_the_device(
    row: MakeRow, tmp_path: Path
) -> None:
    """Of equal dtype and threads only; the l40s is no l4."""
    base = {"problem": "mlp-width:2", "family": "mlp-width", "size": 2, "backend": EAGER}
    rows = [
        row(machine="box-h100", seconds=8e-5, process=process, threads=threads, **base)
        for process in range(2)
        for threads in (1, 2)
    ]
    keep(tmp_path, rows)
    (checked,) = study.checks(tmp_path, "float32", 2, H100)
    assert checked.error == pytest.approx(0.25)
    assert study.checks(tmp_path, "float64", 2, H100) == []
    other = keep(tmp_path / "other", [msgspec.structs.replace(rows[0], machine="l40s")])
    assert study.checks(other, "float32", 1, DEVICES["l4"]) == []
    assert study.checks(tmp_path / "none", "float32", 2, H100) == []
    elsewhere = [msgspec.structs.replace(rows[1], problem="wear.toml@1a2b3c4d", family="wear")]
    assert study.checks(keep(tmp_path / "elsewhere", elsewhere), "float32", 2, H100) == []


def test_without_pytorch_nothing_can_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is measured."""
    monkeypatch.setattr(study.registry, "reason_unavailable", lambda name: "not installed")
    with pytest.raises(UserError, match="--what-if counts the kernels of torch-cpu: not installed"):
        study.require([])


def test_batches_from_the_host_are_not_estimated(tmp_path: Path) -> None:
    """Refused in one line before anything is measured: no figure says how long a copy takes."""
    with pytest.raises(UserError, match="--what-if: mlp-batch-host:64 has its batches from the ho"):
        study.require([FAMILIES["mlp-batch"].problem(64), FAMILIES["mlp-batch-host"].problem(64)])
