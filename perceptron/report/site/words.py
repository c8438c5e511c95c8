"""Texts of strangers, fit to be shown."""

from __future__ import annotations

import html

# What a heading, a switch or a legend has room for.
LONGEST = 80


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its two ends and how long it was: long names often differ only at their ends."""
    if len(text) <= longest:
        return text
    told = f"… ({len(text):,} characters) …"
    room = max(2, longest - len(told))
    return f"{text[: room - room // 2]}{told}{text[-(room // 2) :]}"


def for_plotly(text: str, longest: int = LONGEST) -> str:
    """A text that plotly shows as it is: it would take ``<b>`` and ``<a href>`` for markup."""
    return html.escape(shortened(text, longest), quote=False)
