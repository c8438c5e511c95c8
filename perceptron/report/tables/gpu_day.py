"""A day with a GPU: its plan before anything runs, and what became of each stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from perceptron.records.gpu_day import DayResult, PlannedStage, StageOutcome
from perceptron.report.numbers import count, memory
from perceptron.report.tables.terminal import err, note, out, table

PLAN = ("stage>", "name", "what it tells", "at most>", "in all>")
OUTCOMES = ("stage>", "name", "outcome", "took>", "rows>")


def show_plan(stages: Sequence[PlannedStage]) -> None:
    """Print what is about to run, on standard error: the answer comes at the end."""
    for cells in (PLAN, *plan_rows(stages)):
        number, name, tells, seconds, total = (cell.rstrip(">") for cell in cells)
        note(f"{number:>5}  {name:<13}  {seconds:>7}  {total:>7}  {tells}")


def plan_rows(stages: Sequence[PlannedStage]) -> list[tuple[str, ...]]:
    """Return each stage with its seconds and those of all up to it."""
    totals = accumulate(stage.seconds for stage in stages)
    return [
        (str(stage.number), stage.name, stage.tells, _seconds(stage.seconds), _seconds(total))
        for stage, total in zip(stages, totals, strict=True)
    ]


def show_stage(outcome: StageOutcome) -> None:
    """Print one line on standard error about a stage that has ended."""
    number, name, what, took, rows = outcome_cells(outcome)
    err.print(f"stage {number} {name}: {what} ({took}, {rows} rows)", markup=False, soft_wrap=True)


def show(result: DayResult) -> None:
    """Print what became of each stage, and the one file to bring home."""
    title = "A rehearsal of a day with a GPU" if result.rehearsal else "A day with a GPU"
    table(title, OUTCOMES, outcome_rows(result.stages))
    packed = result.packed
    for name in packed.left_out:
        out.print(f"left out of the archive, too large: {name}", markup=False, soft_wrap=True)
    out.print(
        f"bring home:  {packed.archive} ({memory(packed.bytes, 'KiB')}, {packed.files} files)",
        markup=False,
        soft_wrap=True,
    )


def outcome_rows(outcomes: Iterable[StageOutcome]) -> list[tuple[str, ...]]:
    """Return a row of text for each stage."""
    return [outcome_cells(outcome) for outcome in outcomes]


def outcome_cells(outcome: StageOutcome) -> tuple[str, ...]:
    """Return a stage as a row of text: its outcome with the reason."""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return (
        str(outcome.number),
        outcome.name,
        f"{outcome.outcome}{reason}",
        _seconds(outcome.seconds),
        count(outcome.rows),
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s"
