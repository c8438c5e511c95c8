"""A comparison as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from perceptron.records.comparison import Comparison, Row
from perceptron.report.text import digits, duration

COLUMNS = ("benchmark", "verdict", "base>", "head>", "change [99 % interval]>", "detectable>")
# As many unchanged benchmarks are listed; more are counted.
_MOST_UNCHANGED = 40
_ORDER = ("regression", "improvement", "inconclusive", "invalid", "no change")


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """What changed first, by size; then what did not."""
    ordered = sorted(rows, key=lambda row: (_ORDER.index(row.verdict), -abs(row.change or 0.0)))
    unchanged = [row for row in ordered if row.verdict == "no change"][_MOST_UNCHANGED:]
    shown = [row for row in ordered if row not in unchanged]
    return [
        (
            name(row),
            row.verdict,
            amount(row.base, row.unit),
            amount(row.head, row.unit),
            change(row),
            "–" if row.smallest_detectable is None else f"{_percent(row.smallest_detectable)}",
        )
        for row in shown
    ]


def notes(found: Comparison) -> list[str]:
    """What the table cannot say: reasons, what was left out, how sure, how long, how again."""
    lines = [f"{name(row)}: {row.reason}" for row in found.rows if row.reason]
    lines += _left_out(found)
    lines.append(detectable(found.rows))
    if found.control.rows:
        state = "ALARM" if found.control.alarmed else "quiet"
        lines.append(
            f"control, base against a second copy of itself: {state} "
            f"({len(found.control.rows)} benchmarks)"
        )
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
        f"smallest detectable slowdown: median {_percent(median(sizes))}, "
        f"worst {_percent(max(sizes))}"
    )


def name(row: Row) -> str:
    """The benchmark with its parameters."""
    return f"{row.benchmark}({', '.join(row.params)})" if row.params else row.benchmark


def amount(value: float | None, unit: str) -> str:
    """A number in its unit."""
    if value is None:
        return "–"
    return duration(value) if unit == "seconds" and value > 0 else f"{digits(value)} {unit}"


def change(row: Row) -> str:
    """``+8.1 % [+7.0, +9.3]``."""
    if row.change is None or row.low is None or row.high is None:
        return "–"
    return f"{100 * row.change:+.1f} % [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"


def _left_out(found: Comparison) -> list[str]:
    """Reasons, each once, with what they hold for."""
    reasons: dict[str, list[str]] = {}
    for each in found.plan.left_out:
        reasons.setdefault(each.reason, []).append(each.benchmark)
    return [
        f"left out: {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}"
        for reason, names in reasons.items()
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
