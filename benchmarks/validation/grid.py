"""A table with notes: for a terminal, and as Markdown or CSV for the docs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from perceptron.report.tables import markdown as text
from perceptron.report.tables.terminal import line, table


@dataclass(frozen=True)
class TextTable:
    """A table with notes below it; a column whose name ends in ``>`` is flush right."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...]


def show(grids: Iterable[TextTable]) -> None:
    """Print the tables, each with its notes below."""
    for grid in grids:
        table(grid.title, grid.columns, grid.rows)
        for note in grid.notes:
            line(f"{note}\n")


def markdown(grid: TextTable) -> list[str]:
    """Return lines of Markdown: a heading, the table, and its notes as paragraphs."""
    lines = [f"## {grid.title}", "", *text.table(grid.columns, grid.rows)]
    for note in grid.notes:
        lines += ["", note]
    return lines


def csv_text(grid: TextTable) -> str:
    """Return the table as CSV, its cells as they are shown, without its notes."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(column.rstrip(">") for column in grid.columns)
    lines.writerows(grid.rows)
    return text.getvalue()
