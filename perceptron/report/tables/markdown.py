"""A table in Markdown, as forges read it.

Cells are put in as they are: the caller makes untrusted text safe first, see
`perceptron.report.pull_request.comment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table; a column whose name ends in ``>`` is flush right."""
    return [*head(columns), *map(line, rows)]


def head(columns: Sequence[str]) -> list[str]:
    """Return the two lines at the top of a table."""
    rules = ["---:" if column.endswith(">") else "---" for column in columns]
    return [line(column.rstrip(">") for column in columns), f"|{'|'.join(rules)}|"]


def line(cells: Iterable[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"
