"""One whole run of the gate on the proof's own suite, and where runs are kept to resume from.

<results>/proof/<machine>/runs.jsonl             one `ProofRun` a line
<results>/proof/<machine>/environment-<id>.json  what runs with this id ran on
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.shared import busy_neighbour
from benchmarks.validation.gate.suite import BASE, Kind, expression
from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.stages import Progress
from perceptron.records.block import Block, Stage, counted
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    Row,
    RowVerdict,
    Verdict,
    Work,
)
from perceptron.records.files.write import replace

# Enough for the longest confirmation on an idle machine. Beside a neighbour it runs out, as it does
# for a suite that is large for its ten minutes.
BUDGET_MINUTES = 2.0

RUNS = "runs.jsonl"

# For each process of a block, base first, then head, then control if there is one: its samples, in
# whole nanoseconds per call.
Nanoseconds = list[list[int]]
# Instructions per call of base and head, by the round of counting that gave both.
Counts = dict[int, list[float]]


class ProofRow(Struct, frozen=True, kw_only=True):
    """One benchmark in one run of the gate: what was judged, and all that was measured."""

    benchmark: str
    verdict: RowVerdict
    change: float | None
    screen: list[Nanoseconds]
    confirmation: list[Nanoseconds]
    waited: float | None = None
    """Share of the samples' time that threads had no core; None where that is unknown."""
    counts: Counts = {}
    work: Work | None = None
    """What was judged from the counts; None where it was not counted, or could not be."""


class ProofRun(Struct, frozen=True, kw_only=True):
    """One whole run of the gate on the proof's own suite."""

    kind: str
    number: int
    """Which run of its kind, from 0; also the seed of its order."""
    when: str
    """When it ended, in UTC."""
    work: str
    """Digest of the suite and of the gate's code: runs of another are no part of the same proof."""
    commit: str | None
    """Of this package, None outside a checkout."""
    environment: str
    """Id of what it ran on, kept beside."""
    seconds: float
    cpu_seconds: float
    """Of all processes that the run started."""
    verdict: Verdict
    reason: str
    control_alarmed: bool
    rows: list[ProofRow]
    counter: str | None = None
    """What counted instructions, with its version; None where nothing did."""


Compare = Callable[[CompareRequest, Progress], Comparison]


def run(
    repository: Path,
    kind: Kind,
    number: int,
    work: str,
    commit: str | None,
    keep: Callable[[ComparisonEnvironment], str],
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
            always=True,  # most differ in a comment
            reasons=False,  # verdicts are proved, and these are known by then
        )
        begin, cpu = time.monotonic(), _cpu_seconds()
        comparison = compare(request, lambda *_: None)
        seconds, cpu_seconds = time.monotonic() - begin, _cpu_seconds() - cpu
    return ProofRun(
        kind=kind.name,
        number=number,
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        work=work,
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
    return ProofRow(
        benchmark=row.benchmark,
        verdict=row.verdict,
        change=_digits(row.change),
        screen=_nanoseconds(last, "screen"),
        confirmation=_nanoseconds(last, "confirmation"),
        waited=_digits(row.waited),
        counts=_counts(own),
        work=row.work,
    )


def _counts(blocks: Sequence[Block]) -> Counts:
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
        measurements = [
            measurement
            for measurement in (block.base, block.head, block.control)
            if measurement is not None
        ]
        if block.stage == stage and all(measurement.status == "ok" for measurement in measurements):
            recorded.append(
                [
                    [round(1e9 * sample) for sample in measurement.samples]
                    for measurement in measurements
                ]
            )
    return recorded


def _digits(value: float | None) -> float | None:
    """Round to six digits: more are noise, and would be most of the file."""
    return None if value is None else float(f"{value:.6g}")


def _cpu_seconds() -> float:
    """Return the CPU time of all processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def machine_folder(results: Path, machine: str) -> Path:
    """Return where the runs of this machine are."""
    return results / "proof" / machine


def read_environment(folder: Path, name: str) -> ComparisonEnvironment:
    """Return what the runs of this id ran on; raises `UserError` if that cannot be read."""
    file = folder / f"environment-{name}.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=ComparisonEnvironment)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; its runs name it") from None
    except msgspec.DecodeError as error:
        raise UserError(f"{file}: no environment: {error}; fetch it again") from None


def keep_environment(folder: Path, environment: ComparisonEnvironment) -> str:
    """Write it unless it is there, and return its id."""
    content = msgspec.json.format(msgspec.json.encode(environment, order="sorted"), indent=2)
    name = hashlib.sha256(content).hexdigest()[:12]
    file = folder / f"environment-{name}.json"
    if not file.exists():
        replace(file, environment)
    return name
