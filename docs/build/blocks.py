"""Blocks of a page: what stands between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import dropwhile, takewhile
from operator import attrgetter
from pathlib import Path

from perceptron.errors import UserError
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.verdict import is_measured, missing, notes, sentence
from perceptron.report.tables import markdown

Blocks = dict[str, str]
"""Markdown by the name of its block."""
CellOf = Callable[[Crossover], str]
"""Return a column's text about a crossover."""


def fill(document: str, content: Blocks, page: str) -> str:
    """Return the document with these blocks replaced; `UserError` for one without a place."""
    for name, block in content.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in document or end not in document:
            raise UserError(f"{page}: no place for {name!r}: {begin.strip()} or {end} is missing")
        head, rest = document.split(begin, 1)
        document = f"{head}{begin}{block}\n{end}{rest.split(end, 1)[1]}"
    return document


def crossover_lines(crossovers: Iterable[Crossover], **columns: CellOf) -> list[str]:
    """Return crossovers as a table, and why the others were not measured.

    Further ``columns`` stand behind the answer.
    """
    crossovers = list(crossovers)
    every: dict[str, CellOf] = {
        "family": lambda one: f"`{one.family}`",
        "decided": attrgetter("decided"),
        "answer [95% interval]": sentence,
        **columns,
        "more": lambda one: "; ".join(notes(one)),
    }
    cells = [[cell(one) for cell in every.values()] for one in crossovers if is_measured(one)]
    reasons = [f"\nNot measured: {reason}." for reason in missing(crossovers)]
    return [*markdown.table([*every], cells), *reasons]


def table_of(page: Path, command: str) -> list[str]:
    """Return the lines of the first table of a page.

    Raises `UserError` naming the ``command`` that writes the page, if there is none.
    """
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{page}: {error.strerror}; `{command}` writes it") from None
    rest = dropwhile(lambda line: not line.startswith("|"), lines)
    table = list(takewhile(lambda line: line.startswith("|"), rest))
    if not table:
        raise UserError(f"{page}: holds no table; `{command}` writes it again")
    return table
