"""An answer in a terminal: its tables, then what they say."""

from __future__ import annotations

from perceptron.answer import Answer
from perceptron.report.tables.terminal import out, table


def show(answer: Answer) -> None:
    """Print every table, each verdict, and the notes."""
    for shown in answer.tables:
        if shown.on != "page":
            table(shown.title, shown.columns, shown.rows)
            if shown.legend is not None:
                out.print(shown.legend, markup=False, soft_wrap=True)
    notes = (note.text for note in answer.notes if note.on != "page")
    for line in (*(verdict.sentence for verdict in answer.verdicts), *notes):
        out.print(f"{line}\n", markup=False, soft_wrap=True)
