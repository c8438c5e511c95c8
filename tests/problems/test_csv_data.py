from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.csv_data import read_csv
from tests.problems.conftest import FROM_CSV, refused, write

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(table=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=20))
def test_numbers_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[float, ...]]
) -> None:
    """Every bit of every value, the target apart and the features in their order."""
    file = tmp_path_factory.mktemp("csv") / "data.csv"
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([("a", "y", "b"), *table])
    dataset = read_csv(file, "y")
    inputs, targets = dataset.load()
    np.testing.assert_array_equal(inputs, np.array(table)[:, [0, 2]])
    np.testing.assert_array_equal(targets, np.array(table)[:, [1]])
    assert (dataset.rows, dataset.features) == inputs.shape
    assert dataset.feature_names == ("a", "b")


def test_csv_data_accepts_spreadsheet_marks(tmp_path: Path) -> None:
    """A byte-order mark, quotes, spaces and line ends of either kind."""
    file = tmp_path / "data.csv"
    file.write_bytes(b'\xef\xbb\xbf"x", y\r\n"1", 0\r\n\r\n2,1\r\n')
    inputs, targets = read_csv(file, "y").generate()
    assert inputs.tolist() == [[1.0], [2.0]]
    assert targets.tolist() == [[0.0], [1.0]]


def test_csv_data_are_cached_and_read_only(tmp_path: Path) -> None:
    """It is kept between calls, by what the file was then."""
    file = write(tmp_path, "x,y\n1,0\n", "data.csv")
    first = read_csv(file, "y")
    assert read_csv(file, "y") is first
    with pytest.raises(ValueError, match="read-only"):
        first.inputs[0, 0] = 2.0
    write(tmp_path, "x,y\n1,0\n2,1\n", "data.csv")
    assert read_csv(file, "y").rows == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,0\nnan,1\n", ", line 3, column 'x': 'nan' is not a finite number"),
        ("x,y\nred,0\n", ", line 2, column 'x': 'red' is not a number"),
        ("x,y\n1,0,2\n", ", line 2: 3 cells, but the header names 2"),
        ("x,y\n", ": no rows below the header"),
        ("x,Y\n1,0\n", ", line 1: unknown column 'y': did you mean 'Y'?"),
        ("y\n1\n", ", line 1: needs a column beside the target 'y'"),
        ("x,x,y\n1,1,0\n", ", line 1: column 'x' is there twice"),
    ],
)
def test_csv_data_error_names_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line as an editor counts it, and the column."""
    file = write(tmp_path, text, "data.csv")
    assert refused(write(tmp_path, FROM_CSV)).startswith(f"{file}{message}")


def test_csv_data_unreadable_file_is_named(tmp_path: Path) -> None:
    """A missing file, a folder, bytes, and a path that cannot be one."""
    model = write(tmp_path, FROM_CSV)
    file = tmp_path / "data.csv"
    assert refused(model) == f"{file}: cannot be read: No such file or directory"
    file.mkdir()
    assert refused(model) == f"{file}: cannot be read: Is a directory"
    file.rmdir()
    file.write_bytes(b"x,y\n\xff,1\n")
    assert refused(model) == f"{file}: not UTF-8 text: byte 4 is out of place"
    file.write_text("x,y\n" + "1" * 200_000 + ",0\n")
    assert "not a CSV file: field larger than field limit" in refused(model)
    write(tmp_path, FROM_CSV.replace("data.csv", "a\\u0000b"))
    assert "not a CSV file: embedded null" in refused(model)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_csv_data_refuses_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.csv")
    with pytest.raises(UserError, match=r"data\.csv: no ordinary file"):
        read_csv(tmp_path / "data.csv", "y")


def test_csv_data_have_no_axis_of_rows_or_features(tmp_path: Path) -> None:
    """They are what the file has; widths and depths can be swept."""
    write(tmp_path, "x,y\n1,0\n2,1\n", "data.csv")
    for axis in ("rows", "features"):
        file = write(tmp_path, FROM_CSV + f'[size]\naxis = "{axis}"\nvalues = [2]\n')
        assert refused(f"{file}:2").startswith(f"{file}: size.axis: {axis!r} needs generated data")
    file = write(tmp_path, FROM_CSV + '[size]\naxis = "depth"\nvalues = [2]\n')
    assert catalogue.find(f"{file}:2").hidden == (4, 4)
