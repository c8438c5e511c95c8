"""A comparison in a terminal."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from rich.markup import escape

from perceptron.records.comparison import Comparison
from perceptron.report.comparison import describe
from perceptron.report.comparison_notes import PYTHON
from perceptron.report.tables import terminal
from perceptron.untrusted_text import label

# Of benchmarks and notes, unless all of them are asked for.
_ROWS, _NOTES = 10, 2


def show(comparison: Comparison, html: Path | None = None, verbose: bool = False) -> None:
    """Print the verdict and the changes, or else all benchmarks; its page is in ``html``.

    ``verbose`` adds unchanged benchmarks and the rest of the page.
    """
    told = describe(comparison)
    colour = {"clean": "green", "regression": "red"}.get(comparison.verdict, "yellow")
    terminal.out.print(f"[{colour}]{told.verdict}[/]: {escape(label(told.said))}", soft_wrap=True)
    for line in told.lines:
        terminal.paragraph(label(line))
    terminal.out.print()
    title = label(told.title)
    for shown in told.tables if verbose else told.tables[:1]:
        if verbose:
            terminal.table(title, shown.columns, shown.texts)
        else:
            terminal.brief_table(replace(shown, title=title), _ROWS)
            terminal.out.print()
        title = ""
    notes = [
        (about, text)
        for place, (about, text) in enumerate(told.notes)
        if verbose or place < _NOTES or about == PYTHON
    ]
    for about, text in notes:
        terminal.paragraph(f"{about}: {label(text)}")
    if not verbose:
        rows = sum(len(own.rows) for own in told.tables)
        rows -= sum(len(own.rows[:_ROWS]) for own in told.tables[:1])
        left = {"benchmark": rows, "line": len(told.notes) - len(notes)}
        terminal.show_left_out(left, "more:   ")
    terminal.line(f"again:  {comparison.reproduce}")
    if told.measured:
        terminal.line(f"rows:   {comparison.results}")
    if html is not None and comparison.page is not None:
        terminal.line(f"page:   {html / comparison.page}")
