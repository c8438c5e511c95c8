"""Rows with a word on what could not be found out: explaining loses no verdict."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from perceptron.errors import UserError
from perceptron.records.block import Benchmark
from perceptron.records.comparison import Comparison, Row
from perceptron.untrusted_text import label

_LONGEST = 300


def row_key(row: Row) -> str:
    """Return the key of the row's benchmark."""
    return Benchmark(name=row.benchmark, params=row.params).key


def with_note(row: Row, note: str) -> Row:
    """Return the row with one more reason why it is not explained."""
    return msgspec.structs.replace(row, why_not=f"{row.why_not}; {note}" if row.why_not else note)


def with_notes(comparison: Comparison, keys: Collection[str], note: str) -> Comparison:
    """Return the comparison with that note on the rows of these benchmarks."""
    rows = [with_note(row, note) if row_key(row) in keys else row for row in comparison.rows]
    return msgspec.structs.replace(comparison, rows=rows)


def in_one_line(error: BaseException) -> str:
    """Return what an exception says, and its name where nobody wrote it for users."""
    named = "" if isinstance(error, (OSError, UserError)) else f"{type(error).__name__}: "
    return label(f"{named}{error}")[:_LONGEST]
