"""A day with a GPU: its plan, and the outcome of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from perceptron.numbers import count, memory
from perceptron.records.gpu_day import DayResult, PlannedStage, StageOutcome
from perceptron.report.tables.terminal import note, out, table

_PLAN = ("stage>", "name", "measures", "at most>", "in all>")
_OUTCOMES = ("stage>", "name", "outcome", "took>", "rows>")


def show_plan(stages: Sequence[PlannedStage]) -> None:
    """Print the stages with their seconds, and the sum up to each."""
    totals = accumulate(stage.seconds for stage in stages)
    rows = [
        (str(stage.number), stage.name, stage.tells, _seconds(stage.seconds), _seconds(total))
        for stage, total in zip(stages, totals, strict=True)
    ]
    table("A day with a GPU", _PLAN, rows)


def note_begun(stage: PlannedStage) -> None:
    """Print one line on standard error about a stage that begins."""
    seconds = _seconds(stage.seconds)
    note(f"stage {stage.number} {stage.name}: {stage.tells}, in {seconds} at most")


def note_ended(outcome: StageOutcome) -> None:
    """Print one line on standard error about a stage that has ended."""
    number, name, what, took, rows = _cells(outcome)
    note(f"stage {number} {name}: {what} ({took}, {rows} rows)")


def show(result: DayResult) -> None:
    """Print the outcome of each stage, and the archive to copy home."""
    title = "A rehearsal of a day with a GPU" if result.rehearsal else "A day with a GPU"
    table(title, _OUTCOMES, [_cells(outcome) for outcome in result.stages])
    packed = result.packed
    lines = [f"not in the archive, too large: {name}" for name in packed.left_out]
    size = memory(packed.bytes, "KiB")
    lines.append(f"copy home:  {packed.archive} ({size}, {packed.files} files)")
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _cells(outcome: StageOutcome) -> tuple[str, ...]:
    reason = f": {outcome.reason}" if outcome.reason else ""
    took, rows = _seconds(outcome.seconds), count(outcome.rows)
    return (str(outcome.number), outcome.name, f"{outcome.outcome}{reason}", took, rows)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s"
