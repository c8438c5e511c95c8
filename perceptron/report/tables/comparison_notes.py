"""What the table of a comparison cannot say: reasons, omissions, certainty, and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from statistics import median

from perceptron.analysis.crossover.judge import Crossover
from perceptron.records.comparison import Comparison, CrossoverEnd, MovedCrossover, Row
from perceptron.report.crossover_words import sentence
from perceptron.report.numbers import count, percent, rough_percent
from perceptron.report.tables import why
from perceptron.report.tables.comparison import (
    LARGEST_DETECTABLE,
    amount,
    is_same,
    name,
    slowdown,
    unlisted,
)
from perceptron.report.tables.grouped import Said, grouped

# Less is always there, and is nothing to tell.
_LEAST_WAITED = 0.001


def notes(comparison: Comparison) -> list[str]:
    """Return what a terminal shows below the table, the command to do it again last."""
    rows = comparison.rows
    more = unlisted(rows)
    lines = [f"{more} more benchmarks did not change"] if more else []
    lines += [f"{names}: {reason}" for names, reason in reasons(rows)]
    lines += why.notes(rows)
    lines += [moved_crossover(moved) for moved in comparison.moved_crossovers]
    lines += [f"left out: {names}: {reason}" for names, reason in left_out(comparison)]
    lines += [f"not counted: {names}: {reason}" for names, reason in not_counted(rows)]
    lines += [f"{side} imported {code}" for side, code in installed(comparison)]
    lines.append(detectable(rows))
    counter = comparison.environment.counter
    if counter is not None:
        lines.append(f"counted by {counter}: {counted(rows)}")
    lines += waiting(comparison)
    if comparison.control.rows:
        lines.append(control(comparison))
    lines.append(
        f"{spent(comparison)}, "
        f"{max((row.screen_blocks for row in rows), default=0)} blocks screened, "
        f"{max(comparison.plan.confirmation_blocks.values(), default=0)} of confirmation"
    )
    lines.append(f"again:  {comparison.reproduce}")
    return lines


def reasons(rows: Sequence[Row]) -> list[Said]:
    """Return which benchmarks a reason is given for, each reason once."""
    return grouped((name(row), row.reason) for row in rows if row.reason)


def left_out(comparison: Comparison) -> list[Said]:
    """Return which benchmarks were left out and why, each reason once."""
    return grouped((row.benchmark, row.reason) for row in comparison.plan.left_out)


def not_counted(rows: Sequence[Row]) -> list[Said]:
    """Return which benchmarks could not be counted and why, each reason once."""
    return grouped((name(row), row.not_counted) for row in rows if row.not_counted)


def installed(comparison: Comparison) -> list[tuple[str, str]]:
    """Return which installed code each revision ran; nothing where trees were compared."""
    environment = comparison.environment
    sides = [("BASE", environment.base_code), ("HEAD", environment.head_code)]
    return [(side, code) for side, code in sides if code is not None]


def spent(comparison: Comparison) -> str:
    """Return how much of the time that was given the run used."""
    seconds, budget = (
        amount(seconds, "seconds")
        for seconds in (comparison.seconds, comparison.plan.budget_seconds)
    )
    return f"{seconds} of {budget} spent"


def detectable(rows: Sequence[Row]) -> str:
    """Return how small a slowdown the clock would have confirmed."""
    sizes = [_known(row.smallest_detectable) for row in rows if row.change is not None]
    what = "smallest detectable slowdown:"
    if not sizes:
        return f"{what} nothing was measured"
    unknown = f" ({count(sizes.count(inf))} of {count(len(sizes))})"
    middle, worst = slowdown(median(sizes)), slowdown(max(sizes))
    if median(sizes) == inf:
        return f"{what} {worst}{unknown}"
    end = f"worst: {worst}{unknown}" if inf in sizes else f"worst {worst}"
    return f"{what} median {middle}, {end}"


def _known(share: float | None) -> float:
    """Return a slowdown, infinity where nobody can tell."""
    return share if share is not None and share <= LARGEST_DETECTABLE else inf


def counted(rows: Sequence[Row]) -> str:
    """Return how many benchmarks did the same work, how surely, and how many nobody could count."""
    works = [row.work for row in rows if row.work is not None]
    failed = sum(row.work is None and row.not_counted is not None for row in rows)
    tried = count(len(works) + failed)
    if not works:
        return f"none of {tried}"
    noise = rough_percent(max(work.noise for work in works))
    same = count(sum(map(is_same, works)))
    line = f"{same} of {tried} did the same work (largest noise {noise})"
    return line + (f", {count(failed)} could not be counted" if failed else "")


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
