"""Tables however they are written, and those that are too large to keep every row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers import csv_tables, csv_text
from perceptron.records.readers.csv_tables import read_csv
from perceptron.records.readers.reading import NOT_ASKED_FOR, Reading, ReadRequest
from tests.records.readers.documents import HEADER

MOST = 5


def read(
    table: str | bytes | list[str], separator: str | None = None, families: tuple[str, ...] = ()
) -> tuple[list[Measurement], Reading]:
    """Read a table, or the lines below the usual header."""
    text = HEADER + "\n".join(table) if isinstance(table, list) else table
    content = text.encode() if isinstance(text, str) else text
    reading = Reading(ReadRequest(separator=separator, families=families))
    rows = read_csv(Path("table.csv"), io.BytesIO(content), reading)
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
def test_what_is_written_is_read_however_it_is_written(
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
    # Then no point in either column of numbers is in doubt.
    for point in [*points, ("c", 0.5, "b", 0.5)]:
        table.writerow(dict(zip(("case", "size", "backend", "seconds"), point, strict=True)))
    named = None if separator in ",;\t" else separator
    rows, _ = read(text.getvalue().encode(encoding), named)
    values = [(row.family, row.size, row.backend, row.seconds) for row in rows]
    assert values == [*points, ("c", 0.5, "b", 0.5)]


@given(
    plain=st.sampled_from(["0.5", "12.34", "1000.000", "1.5e-3", "0.125", "1.", ".5"]),
    first=st.booleans(),
)
def test_one_decimal_point_tells_what_those_of_its_column_mean(plain: str, first: bool) -> None:
    """Between semicolons, where 1.000 alone would be asked about."""
    lines = [f"svd;10;a;{plain}", "svd;20;a;1.000"]
    table = [HEADER.strip().replace(",", ";"), *(lines if first else reversed(lines))]
    assert {row.seconds for row in read("\n".join(table))[0]} == {float(plain), 1.0}


@pytest.mark.parametrize(
    ("row", "message"), [(b"svd,\xff\xfe,x,1", "bytes that are no"), (b"sv\0d,1,x,1", "a NUL byte")]
)
def test_broken_text_far_down_is_named_by_its_row(
    monkeypatch: pytest.MonkeyPatch, row: bytes, message: str
) -> None:
    monkeypatch.setattr(csv_text, "_BLOCK_BYTES", 2**10)
    with pytest.raises(UserError, match=f"table.csv, row 2002: {message}"):
        read(HEADER.encode() + 2_000 * b"svd,10,lapack,1\n" + row)


@given(
    text=st.text('ab \r\n",\u00e9'),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
    size=st.integers(2, 9),
)
def test_reading_in_blocks_breaks_no_line(text: str, encoding: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_text, "_BLOCK_BYTES", size)
        lines = csv_text._lines(Path("table.csv"), io.BytesIO(text.encode(encoding)))
        assert list(lines) == list(io.StringIO(text, newline=""))


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(UserError, match=r"table\.csv, row 2: a line of more than 16,777,216 bytes"):
        read(HEADER.encode() + b"," * (2**24 + 1))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of eleven lines is a large one, of which a case keeps five rows."""
    monkeypatch.setattr(csv_tables, "MOST_REPEATS", MOST)
    monkeypatch.setattr(csv_tables, "MOST_ROWS_AS_THEY_ARE", 10)
    monkeypatch.setattr(csv_tables, "FEWEST_BATCHES", 3)


@pytest.mark.usefixtures("small_limits")
def test_joined_rows_have_the_median_of_consecutive_ones() -> None:
    """Nothing is dropped, each row counts once, and the trend over time stays visible."""
    rows, notes = read([*(f"f,1,b,{k}" for k in (9, 1, 2, 4, 3, 3, 7, 5, 8, 6, 10, 10)), "f,2,b,1"])
    assert [(row.size, row.seconds) for row in rows] == [
        *[(1, 5.0), (1, 3.0), (1, 3.0), (1, 6.5), (1, 10.0)],
        (2, 1.0),
    ]
    assert notes.joined == 7
    (warning,) = notes.warnings
    assert (warning.code, "12 rows of 1 case were" in warning.message) == ("rows-joined", True)


@pytest.mark.usefixtures("small_limits")
def test_rows_without_a_time_are_joined_with_their_like_only() -> None:
    rows, notes = read(["f,1,b,OOM", "f,1,b,", "f,1,b,2"] * 6)
    assert Counter((row.status, row.reason, row.seconds) for row in rows) == {
        ("failed", "OOM", None): MOST,
        ("skipped", "no time given", None): MOST,
        ("ok", None, 2.0): MOST,
    }
    assert notes.joined == 3


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(("most", "kept"), [(30, 5), (18, 3), (1, 3)])
def test_a_table_of_many_cases_keeps_fewer_rows_of_each(
    monkeypatch: pytest.MonkeyPatch, most: int, kept: int
) -> None:
    """As many as there is room for, but never too few to know an interval."""
    monkeypatch.setattr(csv_tables, "MOST_ROWS_JOINED", most)
    rows, _ = read([f"f,{1 + k % 6},b,1" for k in range(60)])
    assert Counter(row.size for row in rows) == dict.fromkeys(range(1, 7), kept)


@pytest.mark.usefixtures("small_limits")
def test_cases_beyond_those_remembered_keep_all_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_tables, "MOST_REMEMBERED", 3)
    rows, notes = read([f"f,{1 + k % 7},b,{k + 1}" for k in range(56)])
    assert Counter(row.size for row in rows) == {1: 5, 2: 5, 3: 5, 4: 8, 5: 8, 6: 8, 7: 8}
    assert [row.seconds for row in rows if row.size == 7] == list(range(7, 57, 7))
    assert notes.joined == 9


LINES = st.lists(
    st.tuples(
        st.sampled_from(["f", "g"]),
        st.sampled_from(["1", "2", "1e0"]),
        st.sampled_from(["b", "c "]),
        st.floats(1e-9, 1e9).map(repr) | st.sampled_from(["", "OOM", " 2 "]),
    ).map(",".join),
    min_size=1,
    max_size=80,
)


@pytest.mark.usefixtures("small_limits")
@given(lines=LINES, families=st.sampled_from([(), ("f",), ("f", "g")]))
def test_every_row_of_the_file_is_counted_once(lines: list[str], families: tuple[str, ...]) -> None:
    rows, notes = read(lines, families=families)
    assert len(rows) + notes.joined + notes.left_out.total() == len(lines)
    assert set(notes.left_out) <= {NOT_ASKED_FOR}
    assert bool(notes.joined) == bool(notes.warnings)


@pytest.mark.usefixtures("small_limits")
@given(seconds=st.lists(st.floats(1e-9, 1e9), min_size=11))
def test_batches_follow_each_other_without_gap(seconds: list[float]) -> None:
    rows, _ = read([f"f,1,b,{time!r}" for time in seconds])
    ends = [k * len(seconds) // MOST for k in range(MOST + 1)]
    assert [row.seconds for row in rows] == [
        median(seconds[begin:end]) for begin, end in pairwise(ends)
    ]


def test_more_rows_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs cannot be joined, and half an answer is none."""
    monkeypatch.setattr(csv_tables, "MOST_ROWS", 15)
    assert len(read([f"f,{size},b,1" for size in range(1, 16)])[0]) == 15
    with pytest.raises(UserError, match=r"table\.csv: more than .* choose some with --family"):
        read([f"f,{size},b,1" for size in range(1, 17)])
    with pytest.raises(UserError, match=r"table\.csv: more than"):
        read([f"f,{size},b,1" for size in range(1, 11)] + ["f,1,b,1"] * 6)
