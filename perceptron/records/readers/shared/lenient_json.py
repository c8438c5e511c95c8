"""Decode the JSON that other tools write: NaN, Infinity, and halves of characters."""

from __future__ import annotations

import json
import re

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def decode_lenient(content: bytes) -> object:
    """Return what a JSON document holds, as Python's own decoder understands it.

    Half of a character that takes two (a lone surrogate) is no text that could be shown or written,
    and becomes a question mark. Raises ValueError for what is no JSON and RecursionError for what
    is nested too deeply.
    """
    document = json.loads(content)
    if _HALF.search(content):
        text = json.dumps(document, ensure_ascii=False)
        document = json.loads(text.encode("utf-8", "replace"))
    return document
