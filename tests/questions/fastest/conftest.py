"""A cache of the test's own: what this machine knows must neither help nor be changed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from perceptron.machine import cpu_name, usable_cores
from perceptron.measure.environment import gpus_here
from perceptron.measure.library_versions import versions_beneath
from perceptron.problems.problem import DType
from perceptron.questions.fastest import measure
from perceptron.questions.fastest.cache import FOLDER, cache_file, update
from perceptron.questions.fastest.measured_shape import MeasuredShape
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.run import Run
from perceptron.records.store import open_run
from tests.conftest import ROOT
from tests.made_shapes import measured, shape

# Seconds that measuring something small never needs, however busy the machine is.
AMPLE = 600.0


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure each backend in one process, however much time is left: what is told is the same."""
    monkeypatch.setattr(measure, "_AT_FIRST", 1)
    monkeypatch.setattr(measure, "_AS_LONG", 1e9)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the cache will be in; the working folder has no results.

    Processes that a test starts find the package.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return cache_file()


@pytest.fixture
def here() -> Environment:
    """What a run on this machine says of it."""
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system="Linux 6",
        python="CPython 3.12.1",
        libraries={"numpy": "2.0", "torch": "2.6", "scipy": "1.0"},
        pools=[],
        gpus=gpus_here()[1],
    )


def stored(
    results: Path, facts: Environment, rows: Iterable[Measurement], started: str = "2026-01-01"
) -> Path:
    """Keep a run; return its folder."""
    run = Run(
        plan={}, machine="box", environment=facts.id, commit=None, code="code", started=started
    )
    with open_run(results, run, facts) as journal:
        for row in rows:
            journal.append(row)
        journal.finish()
        return journal.folder


def remember(
    cache: Path,
    rows: Iterable[MeasuredShape],
    libraries: Mapping[str, str] | None = None,
    dtype: DType = "float32",
) -> None:
    """Have it known what these rows say of one thread."""
    beneath = dict(libraries or versions_beneath(()))
    known = [replace(row, dtype=dtype, libraries=beneath) for row in rows]
    update(cache, lambda before: before.with_rows(known))


def keep(cache: Path, seconds: Mapping[str, float], **fields: Any) -> None:
    """Have it known how long an iteration of ``shape()`` takes on each backend."""
    rows = [measured(shape(), name, seconds=taken, **fields) for name, taken in seconds.items()]
    remember(cache, rows)
