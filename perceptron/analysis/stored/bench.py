"""The result of the main job, judged from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.stored.finding import FindingRow, finding, finding_backends
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning


class BenchResult(Struct, frozen=True, kw_only=True):
    """A run of the main job and what it says."""

    machine: str
    results: Path
    environment: Environment
    threads: list[int]
    rows: list[Measurement]
    finding: list[FindingRow]
    crossovers: list[Crossover]
    warnings: list[MeasurementWarning]


def summarise(
    backends: Sequence[str],
    folder: Path,
    environment: Environment,
    rows: list[Measurement],
    warnings: Sequence[MeasurementWarning] = (),
) -> BenchResult:
    """Judge the rows of one run, which are in ``folder``; ``warnings`` are those of its starts.

    The finding is that of the smallest number of threads. Raises ValueError without rows.
    """
    rows = sorted(rows, key=lambda row: _order(row.backend, backends))
    threads = sorted({row.threads for row in rows if row.threads is not None})
    fewest = [row for row in rows if row.threads == threads[0]]
    return BenchResult(
        machine=rows[0].machine,
        results=folder,
        environment=environment,
        threads=threads,
        rows=rows,
        finding=finding(fewest, finding_backends(backends)),
        crossovers=crossovers(rows),
        warnings=list(warnings),
    )


def _order(backend: str, backends: Sequence[str]) -> int:
    """Return a backend's rank: of two on equal devices the first one named is the incumbent."""
    return list(backends).index(backend) if backend in backends else len(backends)
