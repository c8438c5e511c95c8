"""What targets are reached by: a fresh process that measures, and a line for each target."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from perceptron.backends import registry
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import run_job
from perceptron.problems.problem import DType
from perceptron.records.measurement import ExtraName


def measured(
    name: str, problem: str, dtype: DType, threads: int = 1, extra: ExtraName | None = None
) -> Outcome:
    """Return what one fresh process measures."""
    job = Batch(
        backend=name,
        problems=[problem],
        dtype=dtype,
        threads=threads,
        samples=5,
        minimum_seconds=0.02,
        extra=extra,
    )
    (outcome,) = run_job(job, registry.load(name))
    if outcome.status != "ok":
        raise SystemExit(f"error: {name} on {problem}: {outcome.reason}")
    return outcome


def report_line(what: str, values: Sequence[float], most: float, unit: str = "") -> str:
    """Return the median, with its range where there are several values, and the target."""
    middle = statistics.median(values)
    verdict = "reached" if middle <= most else "MISSED"
    spread = f" [{min(values):.3g}, {max(values):.3g}]" if len(values) > 1 else ""
    return f"{what}: {middle:.3g}{spread}{unit} (at most {most:g}): {verdict}"
