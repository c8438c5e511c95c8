from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perceptron
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.processes import numbered
from perceptron.records.readers.table import load_measurements
from tests.conftest import MakeRow

GOOD = '{"source":"x","machine":"m","when":"","family":"f","size":1,"backend":"b"}\n'
TABLE = "case,size,backend,seconds\nf,1,b,0.5\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "results" / "runs" / "box" / "one"
    run.mkdir(parents=True)
    (run / "measurements.jsonl").write_text(GOOD)
    return run


def test_a_damaged_row_is_warned_of_and_the_rest_reads(run: Path, tmp_path: Path) -> None:
    """A notebook keeps what is sound, and is told what is not."""
    (run / "measurements.jsonl").write_text(GOOD + "garbage\n" + GOOD)
    with pytest.warns(UserWarning, match=r"measurements\.jsonl, line 2: not a measurement"):
        assert len(perceptron.load_results(tmp_path / "results")) == 2


@pytest.mark.parametrize("levels", range(5))
def test_any_folder_of_the_own_store_reads(run: Path, levels: int) -> None:
    """The file of a run, its folder, its machine's, that of all runs, and the results."""
    source = [run / "measurements.jsonl", run, *run.parents][levels]
    assert len(load_measurements(source)) == 1


def test_the_own_store_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text(GOOD)
    assert load_measurements(tmp_path / "rows.txt")[0].source == "x"


def test_a_table_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "times.dat").write_text(TABLE)
    assert load_measurements(tmp_path / "times.dat")[0].source == "csv"


def test_sources_of_all_kinds_read_together_in_order(run: Path, tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(TABLE)
    benchmark = {"name": "test_f", "params": {"backend": "c", "size": 1}, "stats": {"q1": 1}}
    (tmp_path / "bench.json").write_text(json.dumps({"benchmarks": [benchmark]}))
    rows = load_measurements(tmp_path / "times.csv", run, tmp_path / "bench.json")
    assert [row.source for row in rows] == ["csv", "x", "pytest-benchmark"]


def test_own_rows_keep_their_backends_names(run: Path, tmp_path: Path, row: MakeRow) -> None:
    """Only tables say what a backend ran on without saying it in its name."""
    rows = [row(device="cpu"), row(device="cuda", machine="bus")]
    lines = b"".join(msgspec.json.encode(own) + b"\n" for own in rows)
    (run / "measurements.jsonl").write_bytes(lines)
    (tmp_path / "times.csv").write_text(
        "case,size,backend,device,seconds\nf,1,numpy,cpu,1\nf,1,numpy,gpu,1\n"
    )
    loaded = load_measurements(run, tmp_path / "times.csv")
    assert [one.backend for one in loaded] == ["numpy", "numpy", "numpy:cpu", "numpy:gpu"]


@pytest.mark.parametrize("source", ["nowhere", "nowhere/times.csv", "bad\0name", "x" * 5000])
def test_a_source_that_is_not_there_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError) as caught:
        load_measurements(f"{tmp_path}/{source}")
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_holds_no_results_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match="no results in it, of ours, asv or pytest-benchmark"):
        load_measurements(tmp_path)


def test_a_source_named_twice_is_read_once(tmp_path: Path) -> None:
    """Else one value would pass for two that agree."""
    (tmp_path / "times.csv").write_text(TABLE)
    assert len(load_measurements(tmp_path / "times.csv", f"{tmp_path}/./times.csv")) == 1
    (tmp_path / "again.csv").write_text(TABLE)
    rows = load_measurements(tmp_path / "times.csv", tmp_path / "again.csv")
    assert [row.process for row in rows] == [0, 1]


def test_tables_of_one_backend_each_pair_up(row: MakeRow) -> None:
    """Several files at once are there to be compared."""
    numbered_rows = numbered([[row(backend="a")], [row(backend="b")], [row(backend="a")]])
    assert [one.process for one in numbered_rows] == [0, 0, 1]


RUNS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([1, 2]),
            st.integers(0, 3),
            st.sampled_from(["float32", "float64"]),
        )
    ),
    max_size=6,
)


@settings(deadline=None)
@given(RUNS)
def test_no_two_values_share_a_process(
    runs: list[list[tuple[str, int, int, str]]],
) -> None:
    """And those that were measured side by side still are."""
    rows = [
        [
            Measurement(
                source="x",
                machine="m",
                when=str(number),
                family="f",
                backend=backend,
                size=size,
                process=process,
                dtype=dtype,
            )
            for backend, size, process, dtype in run
        ]
        for number, run in enumerate(runs)
    ]
    numbered_rows = numbered(rows)
    claims = [(row.dtype, row.backend, row.size, row.process) for row in numbered_rows]
    assert len(set(claims)) == len(claims)
    given_rows = [row for run in rows for row in run]
    assert [msgspec.structs.replace(row, process=0) for row in numbered_rows] == [
        msgspec.structs.replace(row, process=0) for row in given_rows
    ]
    # Within a run, the first values that shared a process and ground share the new one.
    first: dict[tuple[str, str, int, str | None], dict[tuple[str, float], int]] = {}
    for before, after in zip(given_rows, numbered_rows, strict=True):
        together = first.setdefault((before.when, "f", before.process, before.dtype), {})
        together.setdefault((before.backend, before.size), after.process)
    assert all(len(set(numbers.values())) == 1 for numbers in first.values())


@settings(deadline=None)
@given(st.binary())
def test_no_file_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("garbage") / "garbage"
    file.write_bytes(content)
    with suppress(UserError):
        assert load_measurements(file)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "objects"])
@pytest.mark.parametrize("name", ["rows.txt", "rows.jsonl", "rows.json", "rows.csv"])
@pytest.mark.filterwarnings("ignore:.*not a measurement")
def test_deep_json_is_a_user_error(tmp_path: Path, name: str, deep: str) -> None:
    """Or a line of ours that is warned of; whoever reads it does not run out of stack."""
    (tmp_path / name).write_text(f"{deep}\n")
    with suppress(UserError):
        assert load_measurements(tmp_path / name) == []
