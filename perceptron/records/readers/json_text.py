"""Decode untrusted JSON, or a page's script of one assignment of JSON to a variable."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file

MOST_BYTES = 2**28
# A page's data file: a script of one assignment, never executed. No two adjacent parts match the
# same text: otherwise a file of spaces would take forever.
_ASSIGNMENT = re.compile(rb"(?:window\s*\.\s*|(?:var|const|let)\s+)?\w+\s*=\s*(?=[{\[])")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The JSON escape of half of a surrogate pair.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def is_json(head: bytes) -> bool:
    """Return whether a file that begins with ``head`` is JSON, or a script of one assignment."""
    start = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    return start.startswith((b"{", b"[")) or _ASSIGNMENT.match(start) is not None


def read_json_file(file: Path) -> object:
    """Decode the JSON of a file; raises `UserError` naming the file if there is none."""
    must_be_a_file(file)
    with file.open("rb") as stream:
        return decode(file, stream.read(MOST_BYTES + 1))


def decode(file: Path, content: bytes) -> object:
    """Decode the JSON of a file's content; raises `UserError` naming the file."""
    if len(content) > MOST_BYTES:
        raise UserError(f"{file}: more than {MOST_BYTES >> 20} MiB of JSON; split it")
    content = content.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if assignment := _ASSIGNMENT.match(content):
        content = content[assignment.end() :].rstrip(b"; \t\r\n")
    try:
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _decode_lenient(content)
    except RecursionError:
        raise UserError(f"{file}: nested too deeply to be results") from None
    except ValueError as error:
        raise UserError(f"{file}: not JSON, or cut short: {error}") from None


def _decode_lenient(content: bytes) -> object:
    """Decode with Python's standard decoder, which also reads NaN and Infinity.

    A lone surrogate, which cannot be encoded, becomes a question mark. Raises ValueError for text
    that is no JSON and RecursionError if it is nested too deeply.
    """
    document = json.loads(content)
    if _SURROGATE.search(content):
        text = json.dumps(document, ensure_ascii=False)
        document = json.loads(text.encode("utf-8", "replace"))
    return document
