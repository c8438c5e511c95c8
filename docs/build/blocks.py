"""Replace the blocks of a page between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import dropwhile, takewhile
from operator import attrgetter
from pathlib import Path

from perceptron.errors import UserError
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.not_measured import missing
from perceptron.questions.crossover.verdict import is_measured, notes, sentence
from perceptron.report.tables import markdown

Blocks = dict[str, str]
"""The Markdown of each block, by name."""
CellOf = Callable[[Crossover], str]
"""A function that returns a column's text for a crossover."""


def fill(document: str, content: Blocks, page: str) -> str:
    """Return the document with these blocks replaced; raises `UserError` if one has no marks."""
    for name, block in content.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in document or end not in document:
            raise UserError(f"{page}: no place for {name!r}: {begin.strip()} or {end} is missing")
        head, rest = document.split(begin, 1)
        document = f"{head}{begin}{block}\n{end}{rest.split(end, 1)[1]}"
    return document


def crossover_lines(crossovers: Iterable[Crossover], **columns: CellOf) -> list[str]:
    """Return a table of the measured crossovers, and why others were not measured.

    Further ``columns`` come after the answer.
    """
    crossovers = list(crossovers)
    every: dict[str, CellOf] = {
        "family": lambda crossover: f"`{crossover.family}`",
        "decided": attrgetter("decided"),
        "answer [95% interval]": sentence,
        **columns,
        "more": lambda crossover: "; ".join(notes(crossover)),
    }
    cells = [
        [cell(crossover) for cell in every.values()]
        for crossover in crossovers
        if is_measured(crossover)
    ]
    reasons = [f"\nNot measured: {reason}." for reason in missing(crossovers)]
    return [*markdown.table([*every], cells), *reasons]


def table_of(page: Path, command: str) -> list[str]:
    """Return the lines of the first table of a page.

    Raises `UserError` naming the ``command`` that writes the page if there is no table.
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
