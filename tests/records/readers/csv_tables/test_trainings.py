"""Columns of a table that say how its rows were trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements

HEADER = "case,size,backend,seconds,batch,optimizer,feed,outputs\n"


def rows_of(folder: Path, *lines: str, header: str = HEADER) -> list[Measurement]:
    file = folder / "table.csv"
    file.write_text(header + "".join(f"{line}\n" for line in lines))
    return load_measurements(file)


def test_a_row_says_how_it_was_trained(tmp_path: Path) -> None:
    """In any case of letters; what is empty is not known."""
    first, second = rows_of(tmp_path, "mlp,64,np,1e-3,128,Adam,Host,10", "mlp,64,np,1e-3,,,,")
    assert (first.batch, first.optimizer, first.feed, first.outputs) == (128, "adam", "host", 10)
    assert (second.batch, second.optimizer, second.feed, second.outputs) == (None,) * 4


def test_equal_sizes_of_two_trainings_are_two_subjects(tmp_path: Path) -> None:
    """Neither is a second process of the other."""
    lines = [f"mlp,64,np,{seconds},,{name}," for name in ("adam", "sgd") for seconds in (1, 2)]
    rows = rows_of(tmp_path, *(f"{line}," for line in lines))
    assert [(row.optimizer, row.process) for row in rows] == [
        ("adam", 0),
        ("adam", 1),
        ("sgd", 0),
        ("sgd", 1),
    ]


def test_a_case_whose_size_is_its_batch_varies_along_it(tmp_path: Path) -> None:
    """One of a fixed batch does not, though one of its sizes is equal."""
    along = [f"along,{size},np,1,{size},,," for size in (32, 64, 128)]
    fixed = [f"fixed,{size},np,1,128,,," for size in (32, 64, 128)]
    rows = rows_of(tmp_path, *along, *fixed)
    grounds = {
        family: {ground(r).batch for r in rows if r.family == family}
        for family in ("along", "fixed")
    }
    assert grounds == {"along": {None}, "fixed": {128}}


def test_a_case_whose_size_is_its_number_of_models_varies_along_it(tmp_path: Path) -> None:
    header = "case,size,backend,seconds,models\n"
    along = [f"along,{size},np,1,{size}" for size in (1, 8, 64)]
    fixed = [f"fixed,{size},np,1,8" for size in (1, 8, 64)]
    rows = rows_of(tmp_path, *along, *fixed, header=header)
    assert {row.axes for row in rows if row.family == "along"} == {("models",)}
    assert {row.models for row in rows if row.family == "fixed"} == {8}
    assert {ground(row).models for row in rows if row.family == "fixed"} == {8}
    assert {ground(row).models for row in rows if row.family == "along"} == {None}


def test_equal_sizes_of_several_models_are_two_subjects(tmp_path: Path) -> None:
    header = "case,size,backend,seconds,models\n"
    rows = rows_of(tmp_path, "mlp,64,np,1,1", "mlp,64,np,1,400", header=header)
    assert [row.process for row in rows] == [0, 0]


@pytest.mark.parametrize("column", ["batch", "outputs", "models"])
@pytest.mark.parametrize("field", ["0", "1.5", "many"])
def test_what_is_no_number_is_named_with_its_column(
    tmp_path: Path, column: str, field: str
) -> None:
    with pytest.raises(UserError, match=rf"row 2, column '{column}': .*{field}.* whole number"):
        rows_of(tmp_path, f"mlp,64,np,1,{field}", header=f"case,size,backend,seconds,{column}\n")
