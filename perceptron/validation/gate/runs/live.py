"""One whole run of the gate, as `perceptron compare` does it, on the proof's own repository."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.stages import Progress
from perceptron.records.block import Block, Stage
from perceptron.records.comparison import Comparison, ComparisonEnvironment, Row
from perceptron.validation.gate.record import Nanoseconds, ProofRow, ProofRun
from perceptron.validation.gate.runs.kinds import Kind
from perceptron.validation.gate.runs.neighbour import busy_neighbour
from perceptron.validation.gate.runs.repository import BASE, expression

# Enough for the longest confirmation on a quiet machine. Beside a neighbour it runs out, as it does
# for a suite that is large for its ten minutes.
BUDGET_MINUTES = 2.0

Compare = Callable[[CompareRequest, Progress], Comparison]


def run(
    repository: Path,
    kind: Kind,
    number: int,
    work: str,
    measured: str,
    commit: str | None,
    keep: Callable[[ComparisonEnvironment], str],
    progress: Progress,
    compare: Compare = compare,
) -> ProofRun:
    """Compare base and the kind's head. Raises `UserError` as the comparison does.

    ``keep`` stores what it ran on, and gives its id.
    """
    pair = kind.pair(number)
    with (
        tempfile.TemporaryDirectory(prefix="perceptron-proof-") as results,
        busy_neighbour(kind.neighbour),
        contextlib.chdir(repository),
    ):
        request = CompareRequest(
            BASE,
            kind.name,
            benchmarks=expression(pair),
            budget_minutes=BUDGET_MINUTES,
            seed=number,
            results=Path(results),
        )
        begin, cpu = time.monotonic(), _cpu_seconds()
        found = compare(request, progress)
        seconds, cpu_seconds = time.monotonic() - begin, _cpu_seconds() - cpu
    return ProofRun(
        kind=kind.name,
        number=number,
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        work=work,
        measured=measured,
        commit=commit,
        environment=keep(found.environment),
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        verdict=found.verdict,
        reason=found.reason,
        control_alarmed=found.control.alarmed,
        rows=[_row(row, found.blocks) for row in found.rows],
    )


def _row(row: Row, blocks: Sequence[Block]) -> ProofRow:
    own = [block for block in blocks if block.benchmark == row.benchmark]
    return ProofRow(
        benchmark=row.benchmark,
        verdict=row.verdict,
        change=_digits(row.change),
        p_adjusted=_digits(row.p_adjusted),
        smallest_detectable=_digits(row.smallest_detectable),
        spread=_digits(row.spread),
        screen=_nanoseconds(own, "screen"),
        confirmation=_nanoseconds(own, "confirmation"),
    )


def _nanoseconds(blocks: Sequence[Block], stage: Stage) -> list[Nanoseconds]:
    """Of the blocks whose processes all gave a number, in order of time."""
    found = []
    for block in blocks:
        taken = [each for each in (block.base, block.head, block.control) if each is not None]
        if block.stage == stage and all(each.status == "ok" for each in taken):
            found.append([[round(1e9 * sample) for sample in each.samples] for each in taken])
    return found


def _digits(value: float | None) -> float | None:
    """Six of them: more would be noise, and are most of the file."""
    return None if value is None else float(f"{value:.6g}")


def _cpu_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system
