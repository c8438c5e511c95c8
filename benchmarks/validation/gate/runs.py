"""Runs of the gate on the proof's suite, and their records.

Each run has its process and its repository: a run changes its folder and its environment, and two
runs side by side are each other's busy neighbour.

<results>/proof/<machine>/runs.jsonl    a `ProofRun` in each line
<results>/proof/<machine>/machine.json  a `ProofMachine`: facts, and the amounts that slow bodies
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.validation.gate.suite import (
    BASE,
    HEAD,
    KINDS,
    MEASURED_ALWAYS,
    Amounts,
    Kind,
    Language,
    Repository,
)
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.processes.this_process import variables_set
from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.block import Block, Stage, counted
from perceptron.records.comparison import (
    Comparison,
    ComparisonEnvironment,
    Row,
    RowVerdict,
    Verdict,
)

# Enough for a confirmation on an idle machine. Beside a neighbour it may run out, as the default of
# ten minutes does for a large suite.
BUDGET_MINUTES = 1.0

RUNS, MACHINE = "runs.jsonl", "machine.json"

# For each process of a block, base first, then head, then control if there is one: its samples, in
# whole nanoseconds per call.
Nanoseconds = list[list[int]]
Reached = Literal["same code", "equal counts", "clock", "confirmation"]
STAGES: tuple[Reached, ...] = ("same code", "equal counts", "clock", "confirmation")


class ProofMachine(Struct, frozen=True, kw_only=True):
    """The machine of the runs of a folder."""

    facts: dict[str, str]
    """Facts of the machine, the interpreter and the tool that counts."""
    amounts: dict[Language, Amounts]
    """See `Repository.amounts`: measured once, so that every start goes on with the same HEADs."""


class ProofRow(Struct, frozen=True, kw_only=True):
    """A benchmark in a run of the gate: its verdict, and the blocks of its times."""

    benchmark: str
    verdict: RowVerdict
    reached: Reached
    change: float | None = None
    work: float | None = None
    """The change of its instructions, as a share; None if they were not counted."""
    waited: float | None = None
    screen: list[Nanoseconds] = []
    confirmation: list[Nanoseconds] = []


class ProofRun(Struct, frozen=True, kw_only=True):
    """A run of the gate on the proof's suite."""

    kind: str
    """The key of the kind, see `Kind.key`."""
    number: int
    """The number of the run within its kind, from 0; also its seed."""
    when: str
    """The time when it ended, UTC, ISO 8601."""
    gate: str
    """Digest of the suite and of the gate's code: a proof has only runs with the same digest."""
    commit: str | None
    seconds: float
    verdict: Verdict
    reason: str
    control_alarmed: bool
    contended: bool
    """Whether some benchmark was contended: its threads waited for cores."""
    rows: list[ProofRow]


_here: list[Repository] = []


def begin(parent: Path) -> None:
    """Make the repository of this process, in a new folder within an existing one."""
    _here.append(Repository(Path(tempfile.mkdtemp(dir=parent))))


def measured_amounts() -> dict[Language, Amounts]:
    """Return the `Repository.amounts` of this process's repository."""
    return _here[-1].amounts()


def run_here(
    key: str, number: int, amounts: dict[Language, Amounts], gate: str, commit: str | None
) -> tuple[ProofRun, dict[str, str]]:
    """Return a `run` of the kind with this key, in this process's repository."""
    return run(_here[-1], KINDS[key], number, amounts, gate, commit)


def run(
    repository: Repository,
    kind: Kind,
    number: int,
    amounts: dict[Language, Amounts],
    gate: str,
    commit: str | None,
    compare: Callable[[CompareRequest, Progress], Comparison] = compare,
) -> tuple[ProofRun, dict[str, str]]:
    """Compare BASE and the kind's HEAD; return the run, and facts of the machine.

    Raises `UserError` as the comparison does.
    """
    repository.make_head(kind, number, amounts)
    name = kind.benchmark(number)
    with tempfile.TemporaryDirectory(prefix="perceptron-proof-") as folder:
        elsewhere = {}
        if kind.name == MEASURED_ALWAYS:
            cache = Path(folder) / ("x" * (1 + 7 * number % 60))
            cache.mkdir()
            elsewhere = {"XDG_CACHE_HOME": str(cache)}
        request = CompareRequest(
            BASE,
            HEAD,
            benchmarks=f"{name}$",
            budget_minutes=BUDGET_MINUTES,
            seed=number,
            results=Path(folder),
            count="always" if kind.counted else "never",
            always=kind.name == MEASURED_ALWAYS,
            python=sys.executable,  # the extension is compiled for it
            reasons=False,  # verdicts are proved, and these are known by then
        )
        with variables_set(elsewhere), contextlib.chdir(repository.folder):
            began = time.monotonic()
            comparison = compare(request, lambda *_: None)
            seconds = time.monotonic() - began
    rows = [_row(row, comparison.blocks) for row in comparison.rows]
    if not rows and comparison.reason.startswith("the same code"):
        rows = [ProofRow(benchmark=name, verdict="no change", reached="same code")]
    proof_run = ProofRun(
        kind=kind.key,
        number=number,
        when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        gate=gate,
        commit=commit,
        seconds=round(seconds, 2),
        verdict=comparison.verdict,
        reason=comparison.reason,
        control_alarmed=comparison.control.alarmed,
        contended=any((row.waited or 0.0) > LARGEST_WAIT_SHARE for row in rows),
        rows=rows,
    )
    return proof_run, _facts(comparison.environment)


def _facts(environment: ComparisonEnvironment) -> dict[str, str]:
    facts = {**environment.machine, **environment.head}
    return facts if environment.counter is None else {**facts, "counter": environment.counter}


def _row(row: Row, blocks: Sequence[Block]) -> ProofRow:
    row_blocks = counted([block for block in blocks if block.benchmark == row.benchmark])
    return ProofRow(
        benchmark=row.benchmark.rpartition(".")[2],
        verdict=row.verdict,
        reached=reached(row),
        change=_digits(row.change),
        work=None if row.instructions is None else _digits(row.instructions.change),
        waited=_digits(row.wait_share),
        screen=_nanoseconds(row_blocks, "screen"),
        confirmation=_nanoseconds(row_blocks, "confirmation"),
    )


def reached(row: Row) -> Reached:
    """Return the last stage that decided on a row; probing equal counts is not a stage."""
    rule = Rule()
    if row.confirmation_blocks:
        return "confirmation"
    is_same = row.instructions is not None and abs(row.instructions.change) < rule.same_work
    return "equal counts" if is_same and row.screen_blocks <= rule.probe else "clock"


def _nanoseconds(blocks: Sequence[Block], stage: Stage) -> list[Nanoseconds]:
    """Return the samples of blocks whose processes all succeeded, in order of time."""
    recorded = []
    for block in blocks:
        measurements = block.measurements().values()
        if block.stage == stage and all(measurement.status == "ok" for measurement in measurements):
            recorded.append(
                [
                    [round(1e9 * seconds) for seconds in measurement.samples]
                    for measurement in measurements
                ]
            )
    return recorded


def _digits(value: float | None) -> float | None:
    """Return a value rounded to six digits: more are noise."""
    return None if value is None else float(f"{value:.6g}")
