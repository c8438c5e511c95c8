"""A data set in a CSV file: a header, then rows of numbers, one column of them the target."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from perceptron.errors import UserError, unknown
from perceptron.problems.datasets import Array, Dataset

if TYPE_CHECKING:
    from _csv import Reader


@dataclass(frozen=True, kw_only=True)
class CsvData(Dataset):
    """A table that was read from a file. Equal contents make equal data sets."""

    digest: str
    """SHA-256 of the file, hexadecimal."""
    inputs: Array = field(compare=False, repr=False)
    """(rows, features), float64, read-only."""
    targets: Array = field(compare=False, repr=False)
    """(rows, 1), float64, read-only."""

    def generate(self) -> tuple[Array, Array]:
        return self.inputs, self.targets


def read_csv(file: Path, target: str) -> CsvData:
    """Read the numbers of a file; the column ``target`` is apart, the others stay in order.

    Raises `UserError` naming the file, and the line and column of a cell that is no finite number.
    """
    try:
        status = file.stat()
        return _read(file, target, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text: byte {error.start} is out of place") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{file}: not a CSV file: {error}") from None


@lru_cache(maxsize=4)  # read again for every row that is written
def _read(file: Path, target: str, modified: int, size: int) -> CsvData:
    content = file.read_bytes()
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    header = [name.strip() for name in next(lines, [])]
    column = _target_column(file, header, target)
    rows = list(_rows(file, header, lines))
    if not rows:
        raise UserError(f"{file}: no rows below the header")
    table = np.array(rows, dtype=np.float64)
    inputs = np.delete(table, column, axis=1)
    targets = table[:, column : column + 1].copy()
    inputs.setflags(write=False)
    targets.setflags(write=False)
    return CsvData(
        name=file.stem,
        rows=inputs.shape[0],
        features=inputs.shape[1],
        feature_names=tuple(header[:column] + header[column + 1 :]),
        target_name=target,
        row_name="row",
        first_row=1,
        digest=hashlib.sha256(content).hexdigest(),
        inputs=inputs,
        targets=targets,
    )


def _target_column(file: Path, header: list[str], target: str) -> int:
    """Return the index of the target in a header that names each column once."""
    for column, name in enumerate(header):
        if name in header[:column]:
            raise UserError(f"{file}, line 1: column {name!r} is there twice")
    if target not in header:
        raise UserError(f"{file}, line 1: {unknown('column', target, header)}")
    if len(header) < 2:
        raise UserError(f"{file}, line 1: needs a column beside the target {target!r}")
    return header.index(target)


def _rows(file: Path, header: list[str], lines: Reader) -> Iterator[list[float]]:
    for cells in lines:
        number = lines.line_num  # as an editor counts, line breaks in quotes included
        if not cells:
            continue  # an empty line, such as many editors leave at the end
        if len(cells) != len(header):
            raise UserError(
                f"{file}, line {number}: {len(cells)} cells, but the header names {len(header)}"
            )
        yield [
            _number(f"{file}, line {number}, column {name!r}", cell)
            for name, cell in zip(header, cells, strict=True)
        ]


def _number(where: str, cell: str) -> float:
    try:
        # Python reads 1_000 as a number; in a table it is more likely a mistake.
        value = float(cell.replace("_", "?"))
    except ValueError:
        raise UserError(f"{where}: {cell[:40]!r} is not a number") from None
    if not isfinite(value):
        raise UserError(f"{where}: {cell[:40]!r} is not a finite number")
    return value
