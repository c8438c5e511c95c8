"""Strangers' text in Markdown that a forge shows: visible, and nothing more.

All of it stands in code spans, where a forge makes no mention, reference or link and no HTML is
read. Escapes would not do: mentions and references are looked for after they are undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.untrusted_text import label

# These two end a code span and a cell, and no escape for them is read alike everywhere.
_LOOK_ALIKES = str.maketrans({"`": "ˋ", "|": "∣"})
_ENDLESS = 10**12


def code(text: str, most: int = 120) -> str:
    """The text as a code span in one line of at most ``most`` characters, fit for any place."""
    # What is cut need not be cleaned first, however long it is.
    clean = label(text[: 4 * most]).translate(_LOOK_ALIKES)
    if len(clean) > most or len(text) > 4 * most:
        clean = clean[: most - 1] + "…"
    return f"`{clean}`" if clean else "–"


def table(columns: Sequence[str]) -> list[str]:
    """The head of a table; a column whose name ends in ``>`` is flush right."""
    names = [column.rstrip(">") for column in columns]
    rules = ["---:" if column.endswith(">") else "---" for column in columns]
    return [line(names), line(rules)]


def line(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def count(number: int) -> str:
    """A whole number; an absurd one does not fill the page."""
    return f"{number:,}" if abs(number) < _ENDLESS else "too many"


class Room:
    """So many bytes of text, given to lines in turn."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, lines: Sequence[str]) -> list[str]:
        """Those of the lines, from the first on, for which there is room."""
        for place, text in enumerate(lines):
            size = len(text.encode()) + 1
            if size > self._left:
                return list(lines[:place])
            self._left -= size
        return list(lines)
