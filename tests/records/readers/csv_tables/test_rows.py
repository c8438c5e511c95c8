from __future__ import annotations

import gc
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
from perceptron.records.readers.csv_tables import records, results
from perceptron.records.readers.csv_tables import rows as table_rows
from perceptron.records.readers.csv_tables.results import read_csv
from perceptron.records.readers.shared.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest

MOST = 5


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "MOST_REPEATS", MOST)
    monkeypatch.setattr(table_rows, "MOST_ROWS_AS_THEY_ARE", 10)
    monkeypatch.setattr(table_rows, "FEWEST_BATCHES", 3)


def read(
    lines: list[str], header: str = "case,size,backend,seconds", families: tuple[str, ...] = ()
) -> tuple[list[Measurement], ReadingNotes]:
    notes = ReadingNotes()
    content = io.BytesIO("\n".join([header, *lines]).encode())
    rows = read_csv(Path("table.csv"), content, ReadRequest(families=families), notes)
    return [foreign.row for foreign in rows], notes


def test_a_small_table_is_read_as_it_is() -> None:
    rows, notes = read([f"f,1,b,{k}" for k in range(1, 11)])
    assert [row.seconds for row in rows] == list(range(1, 11))
    assert (notes.joined, notes.warnings) == (0, [])


def test_cases_of_few_rows_stay_as_they_are_in_a_large_table() -> None:
    rows, notes = read([f"f,{1 + k // MOST},b,{k + 1}" for k in range(20)])
    assert [row.seconds for row in rows] == list(range(1, 21))
    assert (notes.joined, notes.warnings) == (0, [])


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


def test_joined_rows_state_the_deviation_of_a_typical_one() -> None:
    lines = [f"f,1,b,1,{'' if k == 2 else k / 10}" for k in range(1, 16)]
    rows, _ = read(lines, "case,size,backend,seconds,stdev")
    assert [row.stdev for row in rows] == pytest.approx([0.2, 0.5, 0.8, 1.1, 1.4])


def test_rows_without_a_time_are_joined_with_their_like_only() -> None:
    rows, notes = read(["f,1,b,OOM", "f,1,b,", "f,1,b,2"] * 6)
    assert Counter((row.status, row.reason, row.seconds) for row in rows) == {
        ("failed", "OOM", None): MOST,
        ("skipped", "no time given", None): MOST,
        ("ok", None, 2.0): MOST,
    }
    assert notes.joined == 3


@pytest.mark.parametrize(("most", "kept"), [(30, 5), (18, 3), (1, 3)])
def test_a_table_of_many_cases_keeps_fewer_rows_of_each(
    monkeypatch: pytest.MonkeyPatch, most: int, kept: int
) -> None:
    """As many as there is room for, but never too few to know an interval."""
    monkeypatch.setattr(table_rows, "MOST_ROWS_JOINED", most)
    rows, _ = read([f"f,{1 + k % 6},b,1" for k in range(60)])
    assert Counter(row.size for row in rows) == dict.fromkeys(range(1, 7), kept)


def test_cases_beyond_those_remembered_keep_all_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "MOST_REMEMBERED", 3)
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


@given(lines=LINES, families=st.sampled_from([(), ("f",), ("f", "g")]))
def test_every_row_of_the_file_is_counted_once(lines: list[str], families: tuple[str, ...]) -> None:
    rows, notes = read(lines, families=families)
    assert len(rows) + notes.joined + notes.left_out.total() == len(lines)
    assert set(notes.left_out) <= {NOT_ASKED_FOR}
    assert bool(notes.joined) == bool(notes.warnings)


@given(seconds=st.lists(st.floats(1e-9, 1e9), min_size=11))
def test_batches_follow_each_other_without_gap(seconds: list[float]) -> None:
    rows, _ = read([f"f,1,b,{time!r}" for time in seconds])
    ends = [k * len(seconds) // MOST for k in range(MOST + 1)]
    assert [row.seconds for row in rows] == [
        median(seconds[begin:end]) for begin, end in pairwise(ends)
    ]


def test_reading_leaves_the_collection_of_garbage_as_it_was() -> None:
    read(["f,1,b,1"])
    assert gc.isenabled()
    with pytest.raises(UserError):
        read(["f,0,b,1"])
    assert gc.isenabled()


def test_more_rows_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs cannot be joined, and half an answer is none."""
    monkeypatch.setattr(records, "MOST_ROWS", 15)
    assert len(read([f"f,{size},b,1" for size in range(1, 16)])[0]) == 15
    with pytest.raises(UserError, match=r"table\.csv: more than .* choose some with --family"):
        read([f"f,{size},b,1" for size in range(1, 17)])
    monkeypatch.setattr(records, "MOST_ROWS", 1000)
    monkeypatch.setattr(results, "MOST_ROWS", 2)
    with pytest.raises(UserError, match=r"table\.csv: more than"):
        read([f"f,{size},b,1" for size in (1, 2, 3)])
