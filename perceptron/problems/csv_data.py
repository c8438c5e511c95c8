"""A data set in a CSV file: a header, then rows of numbers; some columns are the targets.

A single column of targets may hold classes instead, by name or by number.
"""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perceptron.errors import UserError, unknown
from perceptron.problems.datasets import Array, GivenData

if TYPE_CHECKING:
    from _csv import Reader


Label = tuple[int, str]
"""The number of a line, and the text of its class."""


@dataclass(frozen=True, kw_only=True)
class CsvData(GivenData):
    """A table read from a file; the digest is that of the file."""


def read_csv(file: Path, *targets: str, classes: bool = False) -> CsvData:
    """Read a file of numbers: the columns ``targets``, and all others, in order, as inputs.

    With ``classes``, the single target column holds classes, see `classes_in`.

    Raises `UserError` naming the file, and the line and column of a cell that is no finite number.
    """
    try:
        status = file.stat()
        if stat.S_ISFIFO(status.st_mode):  # opening a pipe would wait forever
            raise UserError(f"{file}: no ordinary file")
        return _read(file, targets, classes, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text: byte {error.start} is out of place") from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{file}: not a CSV file: {error}") from None


@lru_cache(maxsize=4)  # read again for every row that is written
def _read(file: Path, targets: tuple[str, ...], classes: bool, modified: int, size: int) -> CsvData:
    content = file.read_bytes()
    # Strict: a quote that is never closed would swallow the rows below it.
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header = [name.strip() for name in next(lines, [])]
    columns = _target_columns(file, header, targets)
    input_columns = [index for index in range(len(header)) if index not in columns]
    features: list[list[float]] = []
    numbers: list[list[float]] = []
    labels: list[Label] = []
    for line, cells in _rows(file, header, lines):
        features.append(_numbers(file, line, header, cells, input_columns))
        if classes:
            labels.append((line, cells[columns[0]]))
        else:
            numbers.append(_numbers(file, line, header, cells, columns))
    if not features:
        raise UserError(f"{file}: no rows below the header")
    class_names: tuple[str, ...] = ()
    inputs: Array = np.array(features, dtype=np.float64)
    values: Array = np.array(numbers, dtype=np.float64)
    if classes:
        values, class_names = classes_in(file, targets[0], labels)
    inputs.setflags(write=False)
    values.setflags(write=False)
    return CsvData(
        name=file.stem,
        rows=inputs.shape[0],
        features=inputs.shape[1],
        feature_names=tuple(header[index] for index in input_columns),
        target_name=", ".join(targets),
        row_name="row",
        first_row=1,
        class_names=class_names,
        digest=hashlib.sha256(content).hexdigest(),
        inputs=inputs,
        targets=values,
    )


def _target_columns(file: Path, header: list[str], targets: tuple[str, ...]) -> list[int]:
    """Return the indices of the targets in a header; raise `UserError` for repeated columns."""
    for column, name in enumerate(header):
        if name in header[:column]:
            raise UserError(f"{file}, line 1: column {name!r} is there twice")
    for target in targets:
        if target not in header:
            raise UserError(f"{file}, line 1: {unknown('column', target, header)}")
    if len(header) <= len(targets):
        raise UserError(
            f"{file}, line 1: needs a column beside the target {', '.join(map(repr, targets))}"
        )
    return [header.index(target) for target in targets]


def _rows(file: Path, header: list[str], lines: Reader) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of each row."""
    for cells in lines:
        number = lines.line_num  # as an editor counts, line breaks in quotes included
        if not cells:
            continue  # an empty line, such as many editors leave at the end
        if len(cells) != len(header):
            raise UserError(
                f"{file}, line {number}: {len(cells)} cells, but the header names {len(header)}"
            )
        yield number, cells


def _numbers(
    file: Path, line: int, header: list[str], cells: list[str], columns: list[int]
) -> list[float]:
    """Return the numbers in these columns of a row."""
    return [
        _number(f"{file}, line {line}, column {header[index]!r}", cells[index]) for index in columns
    ]


def _number(location: str, cell: str) -> float:
    try:
        # Python reads 1_000 as a number; in a table it is more likely a mistake.
        value = float(cell.replace("_", "?"))
    except ValueError:
        raise UserError(f"{location}: {cell[:40]!r} is not a number") from None
    if not isfinite(value):
        raise UserError(f"{location}: {cell[:40]!r} is not a finite number")
    return value


def classes_in(file: Path, column: str, labels: Iterable[Label]) -> tuple[Array, tuple[str, ...]]:
    """Return the class of each row, (rows, 1) float64, and the names of the classes.

    Names are sorted, as numbers if all are numbers. Each class needs two rows, one to train on and
    one to hold out.

    Raises `UserError` naming file, line and column.
    """
    cells = [(line, label.strip()) for line, label in labels]
    keys: dict[str, Any]
    try:
        keys = {label: _numeric(label) for _, label in cells}  # 1 and 1.0 are one class
    except ValueError:
        keys = {label: label for _, label in cells}
    counts = Counter(keys[label] for _, label in cells)
    for line, label in cells:
        fault, key = "", keys[label]
        if not label:
            fault = "empty: give each row a class"
        elif not isinstance(key, str) and not isfinite(key):
            fault = f"{label[:40]!r} is not a finite number"
        elif len(counts) < 2:
            fault = f"{label[:40]!r} is the only class: give at least two"
        elif counts[key] == 1:
            fault = f"class {label[:40]!r} occurs once: give each class two rows"
        if fault:
            raise UserError(f"{file}, line {line}, column {column!r}: {fault}")
    names = {keys[label]: label for label in sorted(keys, reverse=True)}
    class_numbers = {key: float(index) for index, key in enumerate(sorted(counts))}
    values = np.array([class_numbers[keys[label]] for _, label in cells])
    return values.reshape(-1, 1), tuple(names[key] for key in class_numbers)


def _numeric(label: str) -> float:
    """Return a label as a number, an int if it is whole; raises ValueError for text."""
    plain = label.replace("_", "?")
    try:
        return int(plain)
    except ValueError:
        return float(plain)
