from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.readers import columns
from perceptron.records.readers.columns import data_frame
from tests.conftest import MakeRow

if TYPE_CHECKING:
    import pandas

TIMES = st.floats(1e-9, 1e9)
# Fields of every type that there is.
ROWS = st.builds(
    Measurement,
    source=st.just("csv"),
    machine=st.sampled_from(["box", "bus"]),
    when=st.just(""),
    family=st.just("f"),
    size=st.sampled_from([1, 1.0, 2, 6, 2.5]),
    axes=st.sampled_from([(), ("batch",), ("rows", "width")]),
    hidden=st.none() | st.lists(st.integers(1, 3), max_size=2),
    backend=st.sampled_from(["numpy", "torch-ddp@2"]),
    device=st.sampled_from([None, "cpu", "cuda"]),
    repeat=st.integers(0, 2),
    peak_bytes=st.none() | st.integers(0, 2**53 + 1),
    seconds=st.none() | TIMES,
    samples=st.lists(TIMES, max_size=3),
    prepared_from_cache=st.none() | st.booleans(),
    gpu=st.none() | st.just(GpuState(name="g", slowed_by=["heat"])),
)


def plainly(rows: list[Measurement]) -> pandas.DataFrame:
    """The table of rows, made row by row."""
    import pandas

    names = Measurement.__struct_fields__
    table = pandas.DataFrame(
        [msgspec.structs.astuple(row) for row in rows], columns=list(names), dtype=object
    )
    hidden = [None if row.hidden is None else tuple(row.hidden) for row in rows]
    table["hidden"] = pandas.Series(hidden, dtype=object)
    for name in ("samples", "dropped"):
        table[name] = pandas.Series([np.array(value) for value in table[name]], dtype=object)
    kinds: dict[Any, str] = {int: "int64", int | None: "Int64"}
    kinds |= dict.fromkeys((float, float | None, int | float), "float64")
    fields = msgspec.structs.fields(Measurement)
    return table.astype({field.name: kinds[field.type] for field in fields if field.type in kinds})


@given(st.lists(ROWS, max_size=20))
def test_data_frame_equals_rows(rows: list[Measurement]) -> None:
    """The same values, and the same types whatever is absent."""
    from pandas.testing import assert_frame_equal

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_AT_ONCE", 3)
        table = data_frame(list(rows))
    assert_frame_equal(table, plainly(rows), check_exact=True)


def test_rows_are_let_go_while_their_table_grows(row: MakeRow) -> None:
    """A million rows beside their table took 2 GB."""
    rows = [row() for _ in range(3000)]
    data_frame(rows)
    assert rows == []


@pytest.mark.parametrize("field", ["peak_bytes", "repeat"])
def test_data_frame_names_number_too_large(row: MakeRow, field: str) -> None:
    with pytest.raises(UserError, match=rf"^{field}: a row holds a number that is too large"):
        data_frame([row(**{field: 2**63}), row(**{field: 1})])
