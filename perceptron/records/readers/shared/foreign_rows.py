"""What a source holds, before its rows have their final names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.columns import Columns


class ForeignRow(Struct, frozen=True, kw_only=True, gc=False):
    """One row of a source.

    Until `naming` has seen all rows, a foreign row's ``family`` is its benchmark's short
    name; ``name`` is its full name and ``others`` are the parameters that hold neither backend nor
    size.
    """

    row: Measurement
    own: bool = False
    """Whether the suite itself measured it: then its family and backend are final."""
    name: str = ""
    others: Mapping[str, str] = {}


Run = list[ForeignRow] | Columns
"""Rows of one run; of ours the columns, where that was asked for."""


class SourceContents(Struct, frozen=True, kw_only=True):
    """The runs of a source. Rows of one run with equal ``process`` were measured side by side.

    ``formats`` are those of its files. ``has_parameters`` says that they have benchmarks with
    parameters to choose by, so that the user must hear of it if none was.
    """

    runs: Sequence[Run]
    formats: frozenset[str] = frozenset()
    has_parameters: bool = False
