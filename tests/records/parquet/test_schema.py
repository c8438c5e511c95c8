from __future__ import annotations

from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.parquet.schema import arrow_table
from perceptron.records.readers.columns import Packer
from tests.conftest import MakeRow


def test_columns_have_types_whatever_is_in_them(row: MakeRow) -> None:
    """Else two machines' parts could not be read together."""
    gpu = GpuState(name="g", sm_mhz=1, slowed_by=["heat"])
    full = row(gpu=gpu, hidden=[8], sizes=(2, 3), axes=("rows", "width"), samples=[1.0], size=6)
    schemas = [
        arrow_table(part).schema for part in ([], *([Packer().pack([r])] for r in (row(), full)))
    ]
    assert schemas[0].equals(schemas[1])
    assert schemas[0].equals(schemas[2])
    assert tuple(schemas[0].names) == Measurement.__struct_fields__


def test_values_are_those_of_the_row_and_null_where_nothing_was_measured(row: MakeRow) -> None:
    gpu = GpuState(name="g", sm_mhz=1, slowed_by=["heat"], locked=False)
    rows = [row(gpu=gpu, hidden=[8], samples=[1.0, 2.0], seconds=1.5), row(seconds=None)]
    one, other = arrow_table([Packer().pack(rows)]).to_pylist()
    assert one["gpu"]["slowed_by"] == ["heat"]
    assert (one["gpu"]["sm_mhz"], one["gpu"]["locked"]) == (1, False)
    assert (one["hidden"], one["samples"], one["seconds"]) == ([8], [1.0, 2.0], 1.5)
    assert (other["gpu"], other["hidden"], other["seconds"]) == (None, None, None)
