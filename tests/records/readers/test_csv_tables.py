"""Tables however they are written, and those that are too large."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers import csv_tables
from perceptron.records.readers.csv_tables import read_csv
from perceptron.records.readers.reading import NOT_ASKED_FOR, Reading, ReadRequest
from tests.records.readers.documents import HEADER


def read(
    content: bytes, separator: str | None = None, families: tuple[str, ...] = ()
) -> tuple[list[Measurement], Reading]:
    reading = Reading(ReadRequest(separator=separator, families=families))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_bytes(content)
        rows = read_csv(file, reading)
    return [foreign.row for foreign in rows], reading


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1
).map(lambda text: " ".join(text.split()))
POINTS = st.tuples(
    NAMES.filter(bool),
    st.integers(1, 2**53) | st.floats(min_value=1e-300, max_value=1e300),
    NAMES.filter(bool),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False),
)


@given(
    points=st.lists(POINTS, min_size=1),
    order=st.permutations(HEADER.strip().split(",")),
    separator=st.sampled_from(",;\t|: §"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_readers_csv_round_trip_in_any_dialect(
    points: list[tuple[str, float, str, float]],
    order: list[str],
    separator: str,
    encoding: str,
    end: str,
) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(
        text, order, quoting=csv.QUOTE_ALL, delimiter=separator, lineterminator=end
    )
    table.writeheader()
    for point in points:
        table.writerow(dict(zip(("case", "size", "backend", "seconds"), point, strict=True)))
    named = None if separator in ",\t" else separator
    rows, _ = read(text.getvalue().encode(encoding), named)
    values = [(row.family, row.size, row.backend, row.seconds) for row in rows]
    assert values == points


LINES = st.lists(
    st.tuples(
        st.sampled_from(["f", "g"]),
        st.sampled_from(["1", "2", "1e0"]),
        st.sampled_from(["b", "c "]),
        st.floats(1e-9, 1e9).map(repr) | st.sampled_from(["", "OOM", " 2 "]),
    ).map(",".join),
    min_size=1,
)


@given(lines=LINES, families=st.sampled_from([(), ("f",), ("f", "g")]))
def test_readers_csv_counts_every_row_once(lines: list[str], families: tuple[str, ...]) -> None:
    rows, notes = read((HEADER + "\n".join(lines)).encode(), families=families)
    assert len(rows) + notes.skipped.total() == len(lines)
    assert set(notes.skipped) <= {NOT_ASKED_FOR}


def test_comments_above_the_header_are_left_out_and_rows_keep_their_numbers() -> None:
    """Below it a ``#`` begins a case as any other letter does."""
    text = "# hardware: one, two, three, four\n#\n\ncase;size;backend;seconds\n#1;16;numpy;0.5\n"
    (row,), _ = read(text.encode())
    assert (row.family, row.size, row.backend, row.seconds) == ("#1", 16, "numpy", 0.5)
    with pytest.raises(UserError, match="row 6: column 'seconds': '1 s' is no number"):
        read(f"{text}#1;64;numpy;1 s\n".encode())


def test_readers_csv_refuses_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an answer is none."""
    monkeypatch.setattr(csv_tables, "MOST_ROWS", 15)
    rows = [f"f,{size},b,1\n" for size in range(1, 17)]
    assert len(read((HEADER + "".join(rows[1:])).encode())[0]) == 15
    with pytest.raises(UserError, match=r"table\.csv, row 18: more than .* some with --family"):
        read((HEADER + "".join(rows)).encode())
