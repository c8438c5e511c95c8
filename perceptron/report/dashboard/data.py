"""Data as scripts, so that pages open from disk, where a page may load a script but read no file.

The script is one call with one text, and the text holds JSON: whatever a name is made of, nothing
in it is executed. No ``<`` is left in it, and no quote or backslash that ends the text early.
"""

from __future__ import annotations

import msgspec

OPENING = "perceptron.receive("
"""What every data file begins with."""


def script(name: str, document: object) -> str:
    """Return the script that hands a document to the page under this name."""
    return f"{OPENING}{_quoted(name)}, JSON.parse({_quoted(_json(document))}));\n"


def _json(document: object) -> str:
    return msgspec.json.encode(document).decode()


def _quoted(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return f"'{text}'"


_ESCAPES = {
    "\\": "\\\\",  # first: the others bring backslashes
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "<": "\\x3c",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
