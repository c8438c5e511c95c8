"""A table with notes: for a terminal, and as Markdown for the docs."""

from __future__ import annotations

from dataclasses import dataclass

from perceptron.validation.share import Share


@dataclass(frozen=True)
class TextTable:
    """A table and what to say below it; a column whose name ends in ``>`` is flush right."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...]


def markdown(grid: TextTable) -> list[str]:
    """Lines of Markdown."""
    lines = [f"## {grid.title}", ""]
    lines.append("| " + " | ".join(column.rstrip(">") for column in grid.columns) + " |")
    lines.append("|---" * len(grid.columns) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in grid.rows]
    for note in grid.notes:
        lines += ["", note]
    return lines


def share_cell(share: Share) -> str:
    """``97.2 % [95.9, 98.2]``."""
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{per_cent(share.value)} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def per_cent(value: float) -> str:
    """``97.2 %``; with one more digit where it is nearly 100."""
    return f"{100 * value:.1f} %" if value < 0.9995 or value == 1 else f"{100 * value:.2f} %"
