"""The tools whose JSON is read: one line for each, beside asv, which keeps folders."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records.readers.benchmark_dotnet import BENCHMARK_DOTNET
from perceptron.records.readers.criterion import CRITERION
from perceptron.records.readers.github_action import GITHUB_ACTION
from perceptron.records.readers.google_benchmark import GOOGLE_BENCHMARK
from perceptron.records.readers.hyperfine import HYPERFINE
from perceptron.records.readers.packed import decode_lenient
from perceptron.records.readers.pytest_benchmark import PYTEST_BENCHMARK
from perceptron.records.readers.reading import JsonFormat

# A page's data file: a script of one assignment, of which nothing is executed. No part can match
# what the next one matches: a file of spaces would take for ever.
_ASSIGNMENT = re.compile(rb"(?:window\s*\.\s*|(?:var|const|let)\s+)?\w+\s*=\s*(?=[{\[])")


def is_json(head: bytes) -> bool:
    """Whether a file that begins so holds JSON, or a script of one assignment."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"{", b"[")) or _ASSIGNMENT.match(start) is not None


FORMATS = (
    PYTEST_BENCHMARK,
    GITHUB_ACTION,
    GOOGLE_BENCHMARK,
    HYPERFINE,
    BENCHMARK_DOTNET,
    CRITERION,
)


def decode(file: Path, content: bytes) -> object:
    """Return the JSON of a file, or of the assignment in a script; raises `UserError`."""
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if assignment := _ASSIGNMENT.match(content):
        content = content[assignment.end() :].rstrip(b"; \t\r\n")
    try:
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # NaN and Infinity, which several tools write and only Python's own decoder accepts
            return decode_lenient(content)
    except RecursionError:
        raise UserError(f"{file}: nested too deeply to be results") from None
    except ValueError as error:
        raise UserError(f"{file}: not JSON, or cut short: {error}") from None


def format_of(file: Path, document: object) -> JsonFormat:
    """Return the format of a document; raises `UserError` naming a file that is of none."""
    for known in FORMATS:
        if known.recognises(document):
            return known
    names = ", ".join(["asv", *(known.name for known in FORMATS)])
    raise UserError(f"{file}: JSON, but of none of {names}")
