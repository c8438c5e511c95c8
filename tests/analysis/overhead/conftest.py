"""A ladder made up, for every test of the overhead."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.overhead.families import CEILING, HARNESS
from perceptron.analysis.overhead.ladder import OverheadResult, ladder
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from tests.conftest import MakeRow

REMOVES = {"torch-cpu": "nothing", "numpy": "the framework", "numba": "the rest", "jax-cpu": "?"}
WORK = (1000, 4000)


def made(row: MakeRow) -> list[Measurement]:
    """Make three processes: torch 100 µs in phases of 20, 50 and 30, numpy 10 µs, numba 0.1 µs."""
    rows = []
    for process, factor in enumerate((0.9, 1.0, 1.1)):
        for backend, seconds in {"torch-cpu": 1e-4, "numpy": 1e-5, "numba": 1e-7}.items():
            rows.append(
                row(
                    family="or-gate",
                    problem="or-gate",
                    backend=backend,
                    process=process,
                    seconds=seconds * factor,
                    samples=[seconds * factor],
                    iterations=int(0.01 / seconds),
                    prepare_seconds=0.5 if backend == "numba" else 1e-3,
                )
            )
        upto = {"forward": 2e-5, "backward": 7e-5, "optimizer step": 1e-4}
        rows += [
            row(
                family="or-gate",
                problem="or-gate",
                backend="torch-cpu",
                process=process,
                phase=phase,
                seconds=seconds * factor,
            )
            for phase, seconds in upto.items()
        ]
    rows.append(row(family="or-gate", backend="jax-cpu", status="skipped", reason="not installed"))
    return rows


def with_ceilings(row: MakeRow, gflops: float, gbytes: float) -> list[Measurement]:
    """Make a product and a copy of a second each in two processes, one of them disturbed."""
    return [
        row(family=CEILING, phase=phase, size=size * 1e9, process=process, seconds=1.0 + process)
        for phase, size in (("product", gflops), ("copy", gbytes))
        for process in (0, 1)
    ]


@pytest.fixture
def overhead(row: MakeRow, environment: Environment) -> OverheadResult:
    rows = made(row) + with_ceilings(row, 100, 10)
    rows.append(row(family=HARNESS, phase="call", seconds=1e-7))
    return ladder(
        rows,
        problem="or-gate",
        removes=REMOVES,
        kernels={"torch-cpu": 13},
        work=WORK,
        threads=2,
        published={"torch-cuda": 2.31e-3},
        results=Path("results"),
        environment=environment,
        warnings=[],
    )
