"""The answer of any study in a terminal: its tables, then what they say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rich.text import Text

from perceptron.answer import Answer, Table, Verdict
from perceptron.report.tables.terminal import fits, out, table
from perceptron.untrusted_text import printable


def show(answer: Answer) -> None:
    """Print every table, each verdict, and the notes."""
    for shown in answer.tables:
        if shown.on != "page":
            _table(shown)
            if shown.legend is not None:
                out.print(shown.legend, markup=False)
    _verdicts(one for one in answer.verdicts if one.on != "page")
    notes = [note.text for note in answer.notes if note.on != "page"]
    for text in notes:
        out.print(printable(text), markup=False)
    if notes:
        out.print()


def as_text(answer: Answer) -> str:
    """Return what `show` prints, without colours."""
    with out.capture() as captured:
        show(answer)
    return Text.from_ansi(captured.get()).plain


def _verdicts(verdicts: Iterable[Verdict]) -> None:
    """Print a line for each subject with its notes below; the heading once for neighbours."""
    for heading, members in groupby(verdicts, key=lambda verdict: verdict.heading):
        told = list(members)
        lines = [
            line
            for one in told
            for line in (
                (one.subject, one.decided, one.contended, one.sentence),
                *(("", "", "", note) for note in one.notes),
            )
        ]
        columns: tuple[str, ...] = ("", "decided", "contended", "answer")
        kept = [index for index in range(4) if index != 2 or any(one.contended for one in told)]
        table(
            heading,
            [columns[index] for index in kept],
            [[line[index] for index in kept] for line in lines],
        )


def _table(shown: Table) -> None:
    if shown.last_apart is None or fits(shown.columns, shown.rows):
        table(shown.title, shown.columns, shown.rows)
        return
    table(shown.title, shown.columns[:-1], [row[:-1] for row in shown.rows])
    ends = [(row[0], row[-1]) for row in shown.rows]
    table(shown.last_apart, (shown.columns[0], shown.columns[-1]), ends)
