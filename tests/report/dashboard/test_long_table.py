"""Rows in files of their own, packed column by column."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.report.dashboard.data import script
from perceptron.report.dashboard.long_table import (
    ROWS,
    LongTable,
    Value,
    heading,
    long_table,
    packed,
)
from tests.report.reading import rows_of

HEADINGS = [heading("name", "name", False), heading("size", "size", True)]


def read(table: LongTable, folder: Path) -> list[list[Value]]:
    """What a browser makes of the files, in their order."""
    rows = []
    for name, content in table.files.items():
        file = folder / "data" / f"{name}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script(name, content), encoding="utf-8")
        rows += rows_of(folder, name)
    return rows


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["numpy", "torch", None]),
            st.one_of(st.none(), st.integers(-(2**53), 2**53)),
            st.text("ab c", max_size=3).map(lambda text: " ".join(text.split())),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_packed_rows_are_the_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Value, ...]]
) -> None:
    """Whether a column's values are shared by all rows, by some, or by none."""
    folder = tmp_path_factory.mktemp("rows")
    table = long_table("raw", "title", HEADINGS, {"box": rows})
    assert read(table, folder) == [list(row) for row in rows]


def test_what_rows_share_is_there_once() -> None:
    """A long name in ten thousand rows costs its length once, and one in all rows no number."""
    name = "n" * 200
    rows = [[name, f"{name}{index % 2}", index] for index in range(10_000)]
    text = msgspec.json.encode(packed(rows)).decode()
    assert text.count(name) == 3
    assert len(text) < 10 * len(rows)


def test_a_file_holds_as_many_rows_as_a_browser_can_take(tmp_path: Path) -> None:
    """Machines begin files of their own, and the label says which rows are in which."""
    machines = {"big": [["a", index] for index in range(ROWS + 1)], "small": [["b", 1]]}
    table = long_table("raw", "title", HEADINGS, machines)
    assert [part["rows"] for part in table.index["parts"]] == [ROWS, 1, 1]
    assert [part["label"] for part in table.index["parts"]] == [
        "big (20,001 rows, 1–20,000)",
        "big (20,001 rows, 20,001–20,001)",
        "small (1 rows)",
    ]
    assert len(read(table, tmp_path)) == ROWS + 2


def test_texts_are_short_and_in_one_line(tmp_path: Path) -> None:
    """They are others'."""
    table = long_table("raw", "title", HEADINGS, {"x\ny": [["n" * 10_000, 1], ["a\n\x1bb", 2]]})
    (long, _), (steering, _) = read(table, tmp_path)
    assert isinstance(long, str)
    assert len(long) <= 400
    assert steering == "a \ufffdb"
    assert table.index["parts"][0]["label"] == "x y (2 rows)"
