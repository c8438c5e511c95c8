"""The result of the main job, judged from its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.select import NOT_REACHED, is_measured
from perceptron.analysis.stored.finding import FAMILY, FindingRow, finding
from perceptron.analysis.stored.hardware import kind_of_hardware
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.run import BudgetUse
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
    budget: BudgetUse | None = None
    """None of a run that ended before it was written down."""

    @property
    def hardware(self) -> str | None:
        """What it tells about: the CPU, or a GPU by its name; None of a rehearsal."""
        return kind_of_hardware(self.rows, self.environment)


def summarise(
    backends: Sequence[str],
    folder: Path,
    environment: Environment,
    rows: list[Measurement],
    warnings: Sequence[MeasurementWarning] = (),
    families: Mapping[str, int] = MappingProxyType({}),
    budget: BudgetUse | None = None,
    of_finding: Sequence[str] = (),
) -> BenchResult:
    """Judge the rows of one run, which are in ``folder``; ``warnings`` are those of its starts.

    Of ``families`` that it was to measure, with their numbers of sizes, those without a row or with
    rows of one size where there are several say that there was no time. The
    finding is that of the smallest number of threads and of the backends ``of_finding``.
    Raises ValueError without rows.
    """
    rows = sorted(rows, key=lambda row: _order(row.backend, backends))
    threads = sorted({row.all_threads for row in rows if row.all_threads is not None})
    fewest = [row for row in rows if row.all_threads == threads[0]]
    return BenchResult(
        machine=rows[0].machine,
        results=folder,
        environment=environment,
        threads=threads,
        rows=rows,
        finding=finding(fewest, of_finding),
        crossovers=[*crossovers(rows), *_not_reached(families, backends, rows)],
        warnings=list(warnings),
        budget=budget,
    )


def _not_reached(
    families: Mapping[str, int], backends: Sequence[str], rows: Sequence[Measurement]
) -> Iterator[Crossover]:
    """Yield a crossover that was not measured for what of a family had no turn.

    That is every two backends one of which has no row of it, not even one that says why, or both at
    one size alone. Of a family without any row that is all of them, also where only one has a time
    elsewhere.
    """
    every = {row.backend for row in rows}
    runs = [name for name in backends if name not in every or is_measured(rows, name)]
    reached = {(row.family, row.all_threads, row.backend) for row in rows}
    ground = next((row for row in rows if row.family != FAMILY), rows[0])
    for threads in sorted({row.all_threads for row in rows if row.all_threads is not None}):
        for family, planned in families.items():
            sizes = {row.size for row in rows if (row.family, row.all_threads) == (family, threads)}
            is_short = len(sizes) < min(2, planned)
            for pair in combinations(runs if sizes else backends, 2):
                if is_short or not all((family, threads, name) in reached for name in pair):
                    yield Crossover(
                        family=family,
                        incumbent=pair[0],
                        challenger=pair[1],
                        status="not measured",
                        machine=ground.machine,
                        dtype=ground.dtype,
                        threads=threads,
                        reason=NOT_REACHED,
                    )


def _order(backend: str, backends: Sequence[str]) -> int:
    """Return a backend's rank: of two on equal devices the first one named is the incumbent."""
    return list(backends).index(backend) if backend in backends else len(backends)
