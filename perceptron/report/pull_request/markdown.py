"""Untrusted text in Markdown that a forge shows: visible, and nothing more.

All of it stands in code spans, where a forge makes no mention, reference or link and no HTML is
read. Escaping is not enough: forges look for mentions and references after they undo escapes.
"""

from __future__ import annotations

from collections.abc import Sequence

from perceptron import numbers
from perceptron.report.comparison_row import Text, Verbatim
from perceptron.untrusted_text import label

# These two end a code span and a cell, and no escape for them is read alike everywhere.
_LOOK_ALIKES = str.maketrans({"`": "ˋ", "|": "∣"})
# Of a name, or of two names with the reason that they share.
_LONGEST = 300


def line(text: Text) -> str:
    """Return a text in one line, with all that is not ours as code."""
    return "".join(code(part) if isinstance(part, Verbatim) else part for part in text)


def code(text: str, most: int = _LONGEST) -> str:
    """Return the text as a code span in one line of at most ``most`` characters.

    It can stand anywhere, in a cell of a table too; an empty text is a dash.
    """
    # What is cut need not be cleaned first, however long it is.
    clean = label(text[: 4 * most]).translate(_LOOK_ALIKES)
    if len(clean) > most or len(text) > 4 * most:
        clean = clean[: most - 1] + "…"
    return f"`{clean}`" if clean else numbers.NONE


class Room:
    """The bytes that are left for text; lines use them up in turn."""

    def __init__(self, most: int) -> None:
        self._left = most

    def fit(self, lines: Sequence[str]) -> list[str]:
        """Return the first of the lines, as many as fit, and use up their bytes."""
        for index, text in enumerate(lines):
            size = len(text.encode()) + 1
            if size > self._left:
                return list(lines[:index])
            self._left -= size
        return list(lines)
