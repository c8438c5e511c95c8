"""An answer in a terminal: its tables, then what they say."""

from __future__ import annotations

from perceptron.answer import Answer, Table
from perceptron.report.tables.terminal import fits, out, table


def show(answer: Answer) -> None:
    """Print every table, each verdict, and the notes."""
    for shown in answer.tables:
        if shown.on != "page":
            _table(shown)
            if shown.legend is not None:
                out.print(shown.legend, markup=False, soft_wrap=True)
    notes = (note.text for note in answer.notes if note.on != "page")
    for line in (*(verdict.sentence for verdict in answer.verdicts), *notes):
        out.print(f"{line}\n", markup=False, soft_wrap=True)


def _table(shown: Table) -> None:
    if shown.last_apart is None or fits(shown.columns, shown.rows):
        table(shown.title, shown.columns, shown.rows)
        return
    table(shown.title, shown.columns[:-1], [row[:-1] for row in shown.rows])
    ends = [(row[0], row[-1]) for row in shown.rows]
    table(shown.last_apart, (shown.columns[0], shown.columns[-1]), ends)
