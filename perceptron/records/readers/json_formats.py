"""The tools whose JSON is read: one line for each, beside asv, which keeps folders."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from perceptron.errors import UserError
from perceptron.records.readers.benchmark_dotnet import is_benchmark_dotnet, read_benchmark_dotnet
from perceptron.records.readers.criterion import is_criterion, read_criterion
from perceptron.records.readers.github_action import is_github_action, read_github_action
from perceptron.records.readers.google_benchmark import is_google_benchmark, read_google_benchmark
from perceptron.records.readers.hyperfine import is_hyperfine, read_hyperfine
from perceptron.records.readers.packed import decode_lenient
from perceptron.records.readers.pytest_benchmark import is_pytest, read_pytest
from perceptron.records.readers.reading import ForeignRow, Reading

# A page's data file: a script of one assignment, of which nothing is executed. No part can match
# what the next one matches: a file of spaces would take for ever.
_ASSIGNMENT = re.compile(rb"(?:window\s*\.\s*|(?:var|const|let)\s+)?\w+\s*=\s*(?=[{\[])")


def is_json(head: bytes) -> bool:
    """Whether a file that begins so holds JSON, or a script of one assignment."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"{", b"[")) or _ASSIGNMENT.match(start) is not None


class JsonFormat(NamedTuple):
    """A tool, how its document is recognised, and its reader, which returns runs."""

    name: str
    recognises: Callable[[object], bool]
    read: Callable[[Path, object, Reading], list[list[ForeignRow]]]


FORMATS = (
    JsonFormat("pytest-benchmark", is_pytest, read_pytest),
    JsonFormat("github-action-benchmark", is_github_action, read_github_action),
    JsonFormat("Google Benchmark", is_google_benchmark, read_google_benchmark),
    JsonFormat("hyperfine", is_hyperfine, read_hyperfine),
    JsonFormat("BenchmarkDotNet", is_benchmark_dotnet, read_benchmark_dotnet),
    JsonFormat("criterion", is_criterion, read_criterion),
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
