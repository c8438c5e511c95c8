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

# Benchmarks and notes without ``--verbose``.
_ROWS, _NOTES = 10, 2


def show(comparison: Comparison, html: Path | None = None, verbose: bool = False) -> None:
    """Print the verdict and the changes, or else all benchmarks; its page is in ``html``.

    ``verbose`` adds unchanged benchmarks and the rest of the page.
    """
    described = describe(comparison)
    colour = {"clean": "green", "regression": "red"}.get(comparison.verdict, "yellow")
    terminal.out.print(
        f"[{colour}]{described.verdict}[/]: {escape(label(described.said))}", soft_wrap=True
    )
    for line in described.lines:
        terminal.paragraph(label(line))
    terminal.out.print()
    title = label(described.title)
    for part in described.tables if verbose else described.tables[:1]:
        if verbose:
            terminal.table(title, part.columns, part.texts)
        else:
            terminal.brief_table(replace(part, title=title), _ROWS)
            terminal.out.print()
        title = ""
    notes = [
        (about, text)
        for number, (about, text) in enumerate(described.notes)
        if verbose or number < _NOTES or about == PYTHON
    ]
    for about, text in notes:
        terminal.paragraph(f"{about}: {label(text)}")
    if not verbose:
        rows = sum(len(part.rows) for part in described.tables)
        rows -= sum(len(part.rows[:_ROWS]) for part in described.tables[:1])
        omitted = {"benchmark": rows, "line": len(described.notes) - len(notes)}
        terminal.show_omitted(omitted, "more:   ")
    terminal.line(f"again:  {comparison.reproduce}")
    if described.measured:
        terminal.line(f"rows:   {comparison.results}")
    if html is not None and comparison.page is not None:
        terminal.line(f"page:   {html / comparison.page}")
