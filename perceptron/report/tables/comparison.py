"""A comparison as people read it in a terminal, and in words for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import median

from perceptron.analysis.crossover.judge import Crossover
from perceptron.records.comparison import Comparison, CrossoverEnd, MovedCrossover, Row
from perceptron.report.crossover_words import sentence
from perceptron.report.numbers import NONE, count, digits, duration, percent, percent_interval

COLUMNS = ("benchmark", "verdict", "base>", "head>", "change [99 % interval]>", "detectable>")
# As many unchanged benchmarks are listed; more are counted.
_MOST_UNCHANGED = 40
# Times beyond these have no unit that fits; they are written with an exponent.
_SMALLEST, _LARGEST = 1e-12, 1e15
# Less is always there, and is nothing to tell.
_LEAST_WAITED = 0.001
_ORDER = ("regression", "improvement", "inconclusive", "invalid", "no change")


def show(comparison: Comparison) -> None:
    """Print the verdict, what changed, and what else must be known."""
    # Not at the top: where comments on pull requests are written, there is no rich.
    from rich.markup import escape

    from perceptron.report.tables.terminal import out, table

    colour = {"clean": "green", "regression": "red"}.get(comparison.verdict, "yellow")
    out.print(f"[{colour}]{comparison.verdict}[/]: {escape(comparison.reason)}\n", soft_wrap=True)
    plan = comparison.plan
    rows = cells(comparison.rows)
    if rows:
        table(f"{plan.base.name} → {plan.head.name}", COLUMNS, rows)
    for line in notes(comparison):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"rows:   {comparison.results}", markup=False, soft_wrap=True)


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return rows of text: what changed first, by size; then what did not."""
    shown = len(rows) - _unlisted(rows)
    return [
        (
            name(row),
            row.verdict,
            amount(row.base, row.unit),
            amount(row.head, row.unit),
            change(row),
            NONE if row.smallest_detectable is None else slowdown(row.smallest_detectable),
        )
        # What did not change comes last.
        for row in in_order(rows)[:shown]
    ]


def _unlisted(rows: Sequence[Row]) -> int:
    """Return how many unchanged benchmarks the table has no room for."""
    return max(0, sum(row.verdict == "no change" for row in rows) - _MOST_UNCHANGED)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return what changed first, by size."""
    return sorted(rows, key=lambda row: (_ORDER.index(row.verdict), -abs(row.change or 0.0)))


def notes(comparison: Comparison) -> list[str]:
    """Return what the table cannot say: reasons, omissions, certainty, time, and the command."""
    unlisted = _unlisted(comparison.rows)
    lines = [f"{unlisted} more benchmarks did not change"] if unlisted else []
    lines += [f"{name(row)}: {row.reason}" for row in comparison.rows if row.reason]
    lines += [moved_crossover(moved) for moved in comparison.moved_crossovers]
    lines += [f"left out: {names}: {reason}" for names, reason in left_out(comparison)]
    lines.append(detectable(comparison.rows))
    lines += waiting(comparison)
    if comparison.control.rows:
        lines.append(control(comparison))
    lines.append(
        f"{spent(comparison)}, "
        f"{max((row.screen_blocks for row in comparison.rows), default=0)} blocks screened, "
        f"{max(comparison.plan.confirmation_blocks.values(), default=0)} of confirmation"
    )
    lines.append(f"again:  {comparison.reproduce}")
    return lines


def spent(comparison: Comparison) -> str:
    """Return how much of the time that was given the run used."""
    seconds, budget = (
        amount(seconds, "seconds")
        for seconds in (comparison.seconds, comparison.plan.budget_seconds)
    )
    return f"{seconds} of {budget} spent"


def detectable(rows: Sequence[Row]) -> str:
    """Return how small a slowdown would have been seen."""
    sizes = [row.smallest_detectable for row in rows if row.smallest_detectable is not None]
    if not sizes:
        return "smallest detectable slowdown: none"
    return (
        f"smallest detectable slowdown: median {slowdown(median(sizes))}, "
        f"worst {slowdown(max(sizes))}"
    )


def waiting(comparison: Comparison) -> list[str]:
    """Return a line on how disturbed the run was; none if it was not, or that is unknown."""
    rows = comparison.rows
    waits = [row.waited for row in rows if row.waited is not None]
    samples = sum(row.disturbed or 0 for row in rows)
    blocks = sum(row.retaken for row in rows)
    if not waits:
        return []  # a warning says so
    if max(waits) < _LEAST_WAITED and not samples and not blocks:
        return []
    again = [
        f"{count(number)} {what}{'' if number == 1 else 's'}"
        for number, what in ((samples, "sample"), (blocks, "block"))
        if number
    ]
    taken = f"; {' and '.join(again)} taken again" if again else ""
    return [
        f"waited for a core: median {percent(median(waits))} of the time, "
        f"worst {percent(max(waits))}{taken}"
    ]


def control(comparison: Comparison) -> str:
    """Return whether base differed from itself."""
    state = "ALARM" if comparison.control.alarmed else "quiet"
    number = len(comparison.control.rows)
    return f"control, base against a second copy of itself: {state} ({number} benchmarks)"


def moved_crossover(moved: MovedCrossover) -> str:
    """Return where one backend overtakes another, before and after."""
    before, after = crossover_ends(moved)
    return f"crossover moved: {moved.family}: BASE {before}, HEAD {after}"


def crossover_ends(moved: MovedCrossover) -> tuple[str, str]:
    """Return who is faster from which size on BASE and on HEAD, as every crossover is worded."""
    return _crossover_end(moved, moved.base), _crossover_end(moved, moved.head)


def _crossover_end(moved: MovedCrossover, end: CrossoverEnd) -> str:
    return sentence(
        Crossover(
            family=moved.family,
            incumbent=moved.incumbent,
            challenger=moved.challenger,
            status=end.status,
            size=end.size,
            low=end.low,
            high=end.high,
            machine="",
            dtype=None,
            threads=None,
        )
    )


def name(row: Row) -> str:
    """Return the benchmark with its parameters."""
    return f"{row.benchmark}({', '.join(row.params)})" if row.params else row.benchmark


def amount(value: float | None, unit: str) -> str:
    """Return a number in its unit."""
    if value is None:
        return NONE
    if unit == "seconds" and _SMALLEST <= value < _LARGEST:
        return duration(value)
    return f"{digits(value)} {unit}"


def change(row: Row) -> str:
    """Return the change with its interval: ``+8.1 % [+7.0, +9.3]``."""
    if row.change is None or row.low is None or row.high is None:
        return NONE
    return percent_interval(row.change, row.low, row.high, sign=True)


def left_out(comparison: Comparison) -> list[tuple[str, str]]:
    """Return which benchmarks were left out and why, each reason once."""
    reasons: dict[str, list[str]] = {}
    for benchmark in comparison.plan.left_out:
        reasons.setdefault(benchmark.reason, []).append(benchmark.benchmark)
    return [
        (f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}", reason)
        for reason, names in reasons.items()
    ]


def slowdown(share: float) -> str:
    """Return ``3.1 %``, or ``none`` for a slowdown that no number of blocks would have shown."""
    return percent(share) if isfinite(share) else "none"
