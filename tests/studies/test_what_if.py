from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import (
    EAGER,
    GRAPH,
    DeviceEstimate,
    KernelWork,
)
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


def keep(folder: Path, rows: list[Measurement]) -> Path:
    run = folder / "runs" / rows[0].machine / "one"
    run.mkdir(parents=True)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (run / "measurements.jsonl").write_bytes(lines)
    return folder


OPERATIONS = 10


@pytest.fixture
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count 20 small kernels on the device and 10 operations of the tiny problem on the host."""

    def count(problems: list[Problem], *_: object) -> study.Counted:
        kernels = {problem.name: [KernelWork(10, 100)] * 20 for problem in problems}
        return study.Counted(kernels, OPERATIONS)

    monkeypatch.setattr(study, "count_kernels", count)


def on_device(row: MakeRow, **fields: Any) -> list[Measurement]:
    base = {"problem": "mlp-width:2", "family": "mlp-width", "size": 2, "backend": EAGER}
    return [row(**(base | {"seconds": 8e-4, "process": n} | fields)) for n in range(2)]


@pytest.mark.usefixtures("_counted")
@pytest.mark.parametrize(
    ("machine", "device", "checks"),
    [
        ("l40s", "l4", 0),
        ("box-l4", "l4", 1),
        ("rtx4090-box", "rtx-4090", 1),
        ("box-RTX-4090", "rtx-4090", 1),
        ("rtx-4090", "rtx-4080", 0),
    ],
)
def test_a_machine_has_the_device_that_a_part_of_its_name_is(
    row: MakeRow, tmp_path: Path, machine: str, device: str, checks: int
) -> None:
    keep(tmp_path, on_device(row, machine=machine))
    assert len(study.checks(tmp_path, "float32", DEVICES[device])) == checks
