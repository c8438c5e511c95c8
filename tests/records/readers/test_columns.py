from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perceptron
from perceptron.errors import UserError
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.sources import load_measurements
from tests.conftest import MakeRow
from tests.records.readers.conftest import TABLE

TIMES = st.floats(1e-9, 1e9)
ROWS = st.builds(
    Measurement,
    source=st.sampled_from(["perceptron", "perceptron", "perceptron", "csv"]),
    machine=st.sampled_from(["box", "bus"]),
    when=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
    family=st.sampled_from(["f", "mlp-map"]),
    problem=st.sampled_from([None, "f:1", "mlp-map:2x3"]),
    size=st.sampled_from([1, 1.0, 2, 6, 2.5]),
    axes=st.sampled_from([(), ("batch",), ("rows", "width")]),
    hidden=st.none() | st.lists(st.integers(1, 3), max_size=2),
    backend=st.sampled_from(["numpy", "torch-ddp@2"]),
    device=st.sampled_from([None, "cpu", "cuda"]),
    threads=st.none() | st.integers(1, 2),
    processes=st.none() | st.integers(1, 2),
    repeat=st.integers(0, 2),
    batch=st.none() | st.integers(1, 2),
    peak_bytes=st.none() | st.integers(0, 2**53 + 1),
    seconds=st.none() | TIMES,
    samples=st.lists(TIMES, max_size=3),
    prepared_from_cache=st.none() | st.booleans(),
    gpu=st.none() | st.just(GpuState(name="g", slowed_by=["heat"])),
    code=st.none() | st.just("c0de"),
    problem_digest=st.none() | st.just("d1"),
    file=st.sampled_from([None, None, None, "elsewhere.json"]),
)
LINES = st.one_of(ROWS, ROWS, ROWS, st.sampled_from([b"", b"garbage", b'{"machine": 1}']))
RUNS = st.lists(st.lists(LINES, max_size=6), max_size=4)


def plainly(rows: list[Measurement]) -> pandas.DataFrame:
    """The table of rows, made row by row."""
    names = Measurement.__struct_fields__
    table = pandas.DataFrame(
        [msgspec.structs.astuple(row) for row in rows], columns=list(names), dtype=object
    )
    hidden = [None if row.hidden is None else tuple(row.hidden) for row in rows]
    table["hidden"] = pandas.Series(hidden, dtype=object)
    kinds: dict[Any, str] = {int: "int64", int | None: "Int64"}
    kinds |= dict.fromkeys((float, float | None, int | float), "float64")
    fields = msgspec.structs.fields(Measurement)
    return table.astype({one.name: kinds[one.type] for one in fields if one.type in kinds})


def with_warnings(load: Any, *sources: Path) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return load(*sources), [str(warning.message) for warning in caught]


@settings(max_examples=40)
@given(RUNS, st.booleans())
def test_the_table_is_what_the_rows_are(
    runs: list[list[Measurement | bytes]], beside_a_table: bool
) -> None:
    """Whatever is in the files: the same values, types, process numbers and warnings."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        for number, run in enumerate(runs):
            place = results / "runs" / f"box-{number % 2}" / str(number)
            place.mkdir(parents=True)
            lines = [line if isinstance(line, bytes) else msgspec.json.encode(line) for line in run]
            (place / "measurements.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        (results / "runs").mkdir(parents=True, exist_ok=True)
        table = Path(folder) / "times.csv"
        table.write_text(TABLE)
        sources = [table, results] if beside_a_table else [results]
        rows, said_of_rows = with_warnings(load_measurements, *sources)
        loaded, said = with_warnings(perceptron.load_results, *sources)
    pandas.testing.assert_frame_equal(loaded, plainly(rows), check_exact=True)
    assert said == said_of_rows


def test_lists_stay_lists_of_their_own(row: MakeRow) -> None:
    """Of one length they would make a matrix, and equal ones could be changed together."""
    rows = [row(samples=[1.0, 2.0], axes=("batch",)), row(samples=[1.0, 2.0], axes=("batch",))]
    table = data_frame(rows)
    table["samples"][0].append(3.0)
    assert table["samples"].tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0]]
    assert table["axes"].tolist() == [("batch",), ("batch",)]


@pytest.mark.parametrize("field", ["peak_bytes", "repeat"])
def test_a_number_that_no_table_holds_is_named(row: MakeRow, field: str) -> None:
    with pytest.raises(UserError, match=rf"^{field}: a row holds a number that is too large"):
        data_frame([row(**{field: 2**63}), row(**{field: 1})])
