"""The result of a search for crossovers, judged from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from perceptron.analysis.crossover.amortise import Amortisation, amortisations, from_cold
from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.crossover.use import SourceUse
from perceptron.analysis.select import definitions
from perceptron.analysis.training import kept_apart
from perceptron.analysis.what_if.check import EstimateCheck
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.run import BudgetUse
from perceptron.records.warning import MeasurementWarning


class CrossoverResult(Struct, frozen=True, kw_only=True):
    """Crossovers, resident and from cold, and the rows that they were read off.

    ``results`` and ``environment`` are None where rows came from elsewhere.
    """

    crossovers: list[Crossover]
    from_cold: list[Crossover]
    """The same with the time to prepare shared out over ``iterations``; empty if not known."""
    iterations: int
    amortisations: list[Amortisation]
    rows: list[Measurement]
    environment: Environment | None = None
    results: Path | None = None
    warnings: list[MeasurementWarning] = []
    what_if: list[WhatIf] = []
    """Estimates for a device that is not here; never among the rows."""
    checks: list[EstimateCheck] = []
    """The same estimates where a device like it was measured."""
    sources: list[SourceUse] = []
    """Where rows came from elsewhere, what became of them."""
    budget: BudgetUse | None = None
    """Of a search that measured."""


def crossover_result(
    rows: Sequence[Measurement],
    pairs: Sequence[tuple[str, str]] | None,
    iterations: int,
    environment: Environment | None = None,
    results: Path | None = None,
    warnings: Sequence[MeasurementWarning] = (),
    budget: BudgetUse | None = None,
) -> CrossoverResult:
    """Judge rows; ``pairs`` as in `crossovers`."""
    cold = from_cold(rows, iterations)
    return CrossoverResult(
        crossovers=crossovers(rows, pairs),
        from_cold=crossovers(cold, pairs) if any(row.status == "ok" for row in cold) else [],
        iterations=iterations,
        amortisations=amortisations(rows),
        rows=list(rows),
        environment=environment,
        results=results,
        warnings=[*warnings, *kept_apart(rows), *definitions(rows).warnings()],
        budget=budget,
    )
