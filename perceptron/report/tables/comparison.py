"""A comparison as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import median

from perceptron.analysis.crossover.judge import Crossover
from perceptron.records.comparison import Comparison, CrossoverEnd, MovedCrossover, Row
from perceptron.report.numbers import digits, duration, sentence

COLUMNS = ("benchmark", "verdict", "base>", "head>", "change [99 % interval]>", "detectable>")
# As many unchanged benchmarks are listed; more are counted.
_MOST_UNCHANGED = 40
# Numbers beyond these are written with an exponent, not with all their zeros.
_SMALLEST, _LARGEST, _ABSURD = 1e-12, 1e15, 1e4
_ORDER = ("regression", "improvement", "inconclusive", "invalid", "no change")


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """What changed first, by size; then what did not."""
    ordered = in_order(rows)
    unchanged = [row for row in ordered if row.verdict == "no change"][_MOST_UNCHANGED:]
    shown = [row for row in ordered if row not in unchanged]
    return [
        (
            name(row),
            row.verdict,
            amount(row.base, row.unit),
            amount(row.head, row.unit),
            change(row),
            "–" if row.smallest_detectable is None else percent(row.smallest_detectable),
        )
        for row in shown
    ]


def in_order(rows: Sequence[Row]) -> list[Row]:
    """What changed first, by size."""
    return sorted(rows, key=lambda row: (_ORDER.index(row.verdict), -abs(row.change or 0.0)))


def notes(found: Comparison) -> list[str]:
    """What the table cannot say: reasons, what was left out, how sure, how long, how again."""
    lines = [f"{name(row)}: {row.reason}" for row in found.rows if row.reason]
    lines += [crossover(moved) for moved in found.moved_crossovers]
    lines += [f"left out: {names}: {reason}" for names, reason in left_out(found)]
    lines.append(detectable(found.rows))
    if found.control.rows:
        lines.append(control(found))
    lines.append(
        f"{found.seconds:.0f} s of {found.plan.budget_seconds:.0f} s spent, "
        f"{max((row.screen_blocks for row in found.rows), default=0)} blocks screened, "
        f"{max(found.plan.confirmation_blocks.values(), default=0)} of confirmation"
    )
    lines.append(f"again:  {found.reproduce}")
    return lines


def detectable(rows: Sequence[Row]) -> str:
    """How small a slowdown would have been seen."""
    sizes = [row.smallest_detectable for row in rows if row.smallest_detectable is not None]
    if not sizes:
        return "smallest detectable slowdown: none"
    return (
        f"smallest detectable slowdown: median {percent(median(sizes))}, "
        f"worst {percent(max(sizes))}"
    )


def control(found: Comparison) -> str:
    """Whether base differed from itself."""
    state = "ALARM" if found.control.alarmed else "quiet"
    number = len(found.control.rows)
    return f"control, base against a second copy of itself: {state} ({number} benchmarks)"


def crossover(moved: MovedCrossover) -> str:
    """Where one backend overtakes another, before and after."""
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
    """The benchmark with its parameters."""
    return f"{row.benchmark}({', '.join(row.params)})" if row.params else row.benchmark


def amount(value: float | None, unit: str) -> str:
    """A number in its unit."""
    if value is None:
        return "–"
    if unit == "seconds" and _SMALLEST <= value < _LARGEST:
        return duration(value)
    shown = digits(value) if value == 0 or _SMALLEST <= abs(value) < _LARGEST else f"{value:.3g}"
    return f"{shown} {unit}"


def change(row: Row) -> str:
    """``+8.1 % [+7.0, +9.3]``."""
    if row.change is None or row.low is None or row.high is None:
        return "–"
    ends = ", ".join(_hundredths(end, "+") for end in (row.low, row.high))
    return f"{_hundredths(row.change, '+')} % [{ends}]"


def left_out(found: Comparison) -> list[tuple[str, str]]:
    """What was left out and why, each reason once."""
    reasons: dict[str, list[str]] = {}
    for each in found.plan.left_out:
        reasons.setdefault(each.reason, []).append(each.benchmark)
    return [
        (f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}", reason)
        for reason, names in reasons.items()
    ]


def percent(share: float) -> str:
    """``3.1 %``; a slowdown that no number of blocks would have shown has no size."""
    return f"{_hundredths(share)} %" if isfinite(share) else "none"


def _hundredths(share: float, sign: str = "") -> str:
    """A share in per cent; one beyond all sense in few characters."""
    return f"{100 * share:{sign}.1f}" if abs(share) < _ABSURD else f"{100 * share:{sign}.2g}"
