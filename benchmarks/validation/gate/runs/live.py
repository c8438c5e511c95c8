"""One whole run of the gate, as `perceptron compare` does it, on the proof's own repository."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.neighbour import busy_neighbour
from benchmarks.validation.gate.record import Counts, Nanoseconds, ProofRow, ProofRun
from benchmarks.validation.gate.runs.kinds import Kind
from benchmarks.validation.gate.runs.repository import BASE, expression
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.stages import Progress
from perceptron.records.block import Block, Stage, counted
from perceptron.records.comparison import Comparison, ComparisonEnvironment, Row

# Enough for the longest confirmation on a quiet machine. Beside a neighbour it runs out, as it does
# for a suite that is large for its ten minutes.
BUDGET_MINUTES = 2.0

_JUDGED: tuple[Stage, ...] = ("screen", "confirmation")

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
            reasons=False,  # verdicts are proved, and these are known by then
        )
        begin, cpu = time.monotonic(), _cpu_seconds()
        comparison = compare(request, progress)
        seconds, cpu_seconds = time.monotonic() - begin, _cpu_seconds() - cpu
    return ProofRun(
        kind=kind.name,
        number=number,
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        work=work,
        measured=measured,
        commit=commit,
        environment=keep(comparison.environment),
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        verdict=comparison.verdict,
        reason=comparison.reason,
        control_alarmed=comparison.control.alarmed,
        rows=[_row(row, comparison.blocks) for row in comparison.rows],
        counter=comparison.environment.counter,
    )


def _row(row: Row, blocks: Sequence[Block]) -> ProofRow:
    own = [block for block in blocks if block.benchmark == row.benchmark]
    last = counted(own)
    retaken = [block for block in own if block not in last]
    return ProofRow(
        benchmark=row.benchmark,
        verdict=row.verdict,
        change=_digits(row.change),
        p_adjusted=_digits(row.p_adjusted),
        smallest_detectable=_digits(row.smallest_detectable),
        spread=_digits(row.spread),
        screen=_nanoseconds(last, "screen"),
        confirmation=_nanoseconds(last, "confirmation"),
        waited=_digits(row.waited),
        disturbed=row.disturbed,
        retaken=[recorded for stage in _JUDGED for recorded in _nanoseconds(retaken, stage)],
        counts=_counts(own),
        work=row.work,
        not_counted=row.not_counted,
        stands_on=row.stands_on,
    )


def _counts(blocks: Sequence[Block]) -> Counts:
    """Return what was counted on both sides, by round."""
    return {
        block.number: [block.base.instructions, block.head.instructions]
        for block in blocks
        if block.stage == "count"
        if block.base.instructions is not None and block.head.instructions is not None
    }


def _nanoseconds(blocks: Sequence[Block], stage: Stage) -> list[Nanoseconds]:
    """Return the samples of blocks whose processes all gave a number, in order of time."""
    recorded = []
    for block in blocks:
        readings = [
            reading for reading in (block.base, block.head, block.control) if reading is not None
        ]
        if block.stage == stage and all(reading.status == "ok" for reading in readings):
            recorded.append(
                [[round(1e9 * sample) for sample in reading.samples] for reading in readings]
            )
    return recorded


def _digits(value: float | None) -> float | None:
    """Round to six digits: more are noise, and would be most of the file."""
    return None if value is None else float(f"{value:.6g}")


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system
