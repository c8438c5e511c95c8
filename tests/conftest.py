"""What several tests share: rows made up, problems of every kind, the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.records.environment import Environment, ThreadPool
from perceptron.records.measurement import Measurement

ROOT = Path(__file__).parents[1]

MakeRow = Callable[..., Measurement]
Perceptron = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def row() -> MakeRow:
    """A measurement; any field can be given."""

    def make(**fields: object) -> Measurement:
        defaults: dict[str, object] = {
            "source": "test",
            "machine": "box",
            "when": "2026-01-01T00:00:00Z",
            "family": "line",
            "size": 1,
            "backend": "numpy",
            "device": "cpu",
            "dtype": "float32",
            "threads": 2,
        }
        return Measurement(**(defaults | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def environment() -> Environment:
    return Environment(
        cpu="Abacus 3000",
        architecture="x86_64",
        cores=2,
        memory_bytes=2**34,
        system="Linux 6",
        python="CPython 3.12",
        libraries={"numpy": "2.0"},
        pools=[ThreadPool(library="openblas", version="0.3", kernel="Haswell", threads=2)],
    )


@pytest.fixture
def perceptron(tmp_path: Path) -> Perceptron:
    """Run the command line in a process of its own, in an empty folder."""

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "perceptron", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    return run
