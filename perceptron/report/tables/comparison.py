"""A comparison in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from perceptron.records.comparison import Comparison
from perceptron.report.comparison import describe
from perceptron.report.tables import terminal
from perceptron.untrusted_text import label

# As many benchmarks that did not change are listed; more are counted.
_MOST = 40


def show(comparison: Comparison, html: Path | None = None) -> None:
    """Print the verdict, what changed, and what else must be known; its page is in ``html``."""
    told = describe(comparison)
    colour = {"clean": "green", "regression": "red"}.get(comparison.verdict, "yellow")
    terminal.out.print(f"[{colour}]{told.verdict}[/]: {escape(label(told.said))}", soft_wrap=True)
    for line in told.lines:
        terminal.paragraph(label(line))
    terminal.out.print()
    title = label(told.title)
    for shown, most in ((told.changed, None), (told.others, _MOST)):
        if shown.rows:
            rows = [list(map(label, row)) for row in shown.rows[:most]]
            terminal.table(title, shown.columns, rows)
            title = ""
    if len(told.others.rows) > _MOST:
        terminal.line(f"{len(told.others.rows) - _MOST:,} more benchmarks are not listed")
    for about, text in told.notes:
        terminal.paragraph(f"{about}: {label(text)}")
    terminal.line(f"again:  {comparison.reproduce}")
    if told.measured:
        terminal.line(f"rows:   {comparison.results}")
    if html is not None and comparison.page is not None:
        terminal.line(f"page:   {html / comparison.page}")
