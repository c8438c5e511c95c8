"""The answer of any study in a terminal: the verdicts first, then one table.

``--verbose`` prints the rest of the answer's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from perceptron.answer import Answer, Verdict
from perceptron.records.warning import MeasurementWarning
from perceptron.report.tables import terminal
from perceptron.report.tables.terminal import err, out, table
from perceptron.untrusted_text import label, printable

# Rows of a table without ``--verbose``.
ROWS = 10
# Between the columns of a verdict, and before the line below it.
_GAP, _MARGIN = "  ", "    "
# Subjects are padded if sentences keep this width.
_LEAST = 40


def show(answer: Answer, verbose: bool = False) -> None:
    """Print each verdict, its first note below it, and the first table.

    ``verbose`` adds all other lines and tables, with cells folded where they do not fit. Without a
    verdict the first line is the first note.
    """
    notes = [note.text for note in answer.notes]
    if not answer.verdicts:
        first = 1 if notes and not verbose else len(notes)
        _paragraphs(notes[:first])
        if first:
            out.print()
        notes = notes[first:]
    for heading, members in groupby(answer.verdicts, key=lambda verdict: verdict.heading):
        if heading:
            out.print(terminal.wrapped(printable(heading), out, _GAP), style="bold", markup=False)
        _verdicts(list(members), verbose)
        out.print()
    if not verbose:
        for first_table in answer.tables[:1]:
            terminal.brief_table(first_table, ROWS)
            out.print()
        return
    for part in answer.tables:
        if part.rows:
            table(part.title, part.columns, part.texts)
            _paragraphs([part.legend] if part.legend else [])
    _paragraphs(notes)


def show_with_warnings(
    answer: Answer,
    warnings: Sequence[MeasurementWarning],
    verbose: bool = False,
    to: Console = err,
) -> None:
    """Print an answer, then its warnings ``to`` standard error, and the number of omitted lines."""
    show(answer, verbose)
    terminal.show_warnings(warnings, to, is_brief=not verbose)
    if not verbose:
        terminal.show_omitted(_omitted(answer) | {"warning": len(warnings) - 1})


def as_text(answer: Answer) -> str:
    """Return the text that `show` prints, without colours."""
    with out.capture() as captured:
        show(answer)
    return Text.from_ansi(captured.get()).plain


def _verdicts(verdicts: Sequence[Verdict], verbose: bool) -> None:
    """Print a line for each subject, and its notes below."""
    columns = [
        (
            label(verdict.subject),
            verdict.decided,
            verdict.contended and f"{verdict.contended} contended",
        )
        for verdict in verdicts
    ]
    widths = [max(map(cell_len, cells)) for cells in zip(*columns, strict=True)]
    aligned = sum(widths) + len(_GAP) * len(widths) + _LEAST <= out.width
    for verdict, cells in zip(verdicts, columns, strict=True):
        padded = [set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=True)]
        head = "".join(cell + _GAP for cell in (padded if aligned else cells) if cell)
        indent = " " * cell_len(head) if aligned else _MARGIN
        terminal.line(terminal.wrapped(head + printable(verdict.sentence), out, indent))
        for note in verdict.notes if verbose else verdict.notes[:1]:
            terminal.line(terminal.wrapped(_MARGIN + printable(note), out, _MARGIN + _GAP))


def _paragraphs(texts: Iterable[str]) -> None:
    for text in texts:
        terminal.line(terminal.wrapped(printable(text), out, ""))


def _omitted(answer: Answer) -> dict[str, int]:
    """Return the number of omitted rows, notes and tables of an answer."""
    rows = sum(max(0, len(part.rows) - ROWS) for part in answer.tables[:1])
    columns = sum(map(terminal.omitted_columns, answer.tables[:1]))
    notes = len(answer.notes) - (not answer.verdicts)
    notes += sum(len(verdict.notes[1:]) for verdict in answer.verdicts)
    return {
        "row": rows,
        "column": columns,
        "table": sum(bool(part.rows) for part in answer.tables[1:]),
        "line": notes,
    }
