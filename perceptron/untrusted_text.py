"""Texts of strangers, fit to be shown."""

from __future__ import annotations

import html
from functools import lru_cache

from perceptron.records.readers.foreign import label

# What a heading, a switch or a legend has room for, and what a drawn figure has.
LONGEST = 80
DRAWN = 40


@lru_cache(maxsize=4096)  # thousands of rows say the same few words
def shortened(text: str, longest: int = LONGEST) -> str:
    """The text in one line, or its two ends and how long it was.

    Long names often differ only at their ends. What is shown of characters that steer terminals or
    turn the direction of text round is a mark.
    """
    text = label(text)
    if len(text) <= longest:
        return text
    told = f"… ({len(text):,} characters) …"
    room = max(2, longest - len(told))
    return f"{text[: room - room // 2]}{told}{text[-(room // 2) :]}"


def for_plotly(text: str, longest: int = LONGEST) -> str:
    """A text that plotly shows as it is: it would take ``<b>`` and ``<a href>`` for markup."""
    return html.escape(shortened(text, longest), quote=False)


def for_matplotlib(text: str, longest: int = DRAWN) -> str:
    """A text that matplotlib shows: of a legend it would leave out what begins with ``_``."""
    shown = shortened(text, longest)
    return f"\u2009{shown}" if shown.startswith("_") else shown
