from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import perceptron
from perceptron.errors import UserError
from perceptron.records.readers.table import load_measurements
from tests.asv_documents import BENCHMARKS, RESULTS, suite, write
from tests.conftest import MakeRow
from tests.records.readers.conftest import GOOD, TABLE


def test_a_damaged_row_is_warned_of_and_the_rest_reads(run: Path, tmp_path: Path) -> None:
    """A notebook keeps the sound rows, and a warning names the others."""
    (run / "measurements.jsonl").write_text(GOOD + "garbage\n" + GOOD)
    with pytest.warns(UserWarning, match=r"measurements\.jsonl, line 2: not a measurement"):
        assert len(perceptron.load_results(tmp_path / "results")) == 2


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


def test_a_source_named_twice_is_read_once(tmp_path: Path) -> None:
    """Else one value would pass for two that agree."""
    (tmp_path / "times.csv").write_text(TABLE)
    assert len(load_measurements(tmp_path / "times.csv", f"{tmp_path}/./times.csv")) == 1
    (tmp_path / "link.csv").symlink_to("times.csv")
    assert len(load_measurements(tmp_path / "times.csv", tmp_path / "link.csv")) == 1
    (tmp_path / "again.csv").write_text(TABLE)
    rows = load_measurements(tmp_path / "times.csv", tmp_path / "again.csv")
    assert [row.process for row in rows] == [0, 1]


def test_one_name_is_one_parameter(tmp_path: Path) -> None:
    """Not the letters of it."""
    folder = suite(tmp_path / "asv", {"n": ["1", "2"], "lib": ["'np'"]}, [1.0, 2.0])
    assert load_measurements(folder, by="lib", size="n") == load_measurements(
        folder, by=["lib"], size="n"
    )


def test_sources_may_come_in_a_list(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(TABLE)
    one, other = tmp_path / "a.csv", str(tmp_path / "b.csv")
    expected = load_measurements(one, other)
    assert len(expected) == 2
    assert load_measurements([one, other]) == expected
    assert load_measurements(name for name in (one, other)) == expected
    assert load_measurements([one], other) == expected


def test_columns_have_types_whether_or_not_there_are_rows(tmp_path: Path) -> None:
    """What works on a full table works on an empty one."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "times.csv").write_text(TABLE)
    empty = perceptron.load_results(tmp_path)
    full = perceptron.load_results(tmp_path / "times.csv")
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert str(empty["seconds"].dtype) == str(empty["size"].dtype) == "float64"
    assert str(empty["process"].dtype) == "int64"
    assert str(empty["threads"].dtype) == "Int64"
    assert empty.groupby("backend").seconds.median().to_dict() == {}


def test_the_separator_of_a_table_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text(TABLE.replace(",", "|"))
    with pytest.raises(UserError, match="no column"):
        load_measurements(tmp_path / "times.txt")
    assert len(load_measurements(tmp_path / "times.txt", sep="|")) == 1


def test_sizes_that_are_none_are_left_out_with_a_warning(tmp_path: Path) -> None:
    """One ``None`` among the sizes of a benchmark does not block a whole folder."""
    folder = suite(tmp_path / "asv", {"size": ["None", "10"], "backend": ["'np'"]}, [1.0, 2.0])
    with pytest.warns(UserWarning, match=r"bench\.Sum\.time_sum, parameter 'size': 'None' is not"):
        (row,) = load_measurements(folder)
    assert (row.size, row.seconds) == (10, 2.0)


def test_parameters_of_a_table_are_refused_instead_of_ignored(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(TABLE)
    for options in ({"by": "library"}, {"size": "n"}, {"size_regex": r"(\d+)"}):
        with pytest.raises(UserError, match=r"times\.csv: --(by|size|size-regex) names parameters"):
            load_measurements(tmp_path / "times.csv", **options)


@pytest.mark.parametrize("kind", ["table", "asv", "own"])
@pytest.mark.parametrize("folder_first", [True, False])
def test_a_file_counts_once_in_however_many_sources_it_lies(
    run: Path, tmp_path: Path, kind: str, folder_first: bool
) -> None:
    """Twice, its values would be two processes that agree to the last digit."""
    folder = {"table": tmp_path / "tables", "asv": tmp_path / "asv", "own": tmp_path / "results"}
    if kind == "table":
        folder[kind].mkdir()
        (folder[kind] / "times.csv").write_text(TABLE)
    elif kind == "asv":
        write(folder[kind], BENCHMARKS, RESULTS)
    file = {
        "table": folder["table"] / "times.csv",
        "asv": folder["asv"] / "box" / "0123-env.json",
        "own": run / "measurements.jsonl",
    }[kind]
    once = load_measurements(folder[kind])
    sources = [folder[kind], file] if folder_first else [file, folder[kind]]
    with pytest.warns(UserWarning, match="read already, under this name or another; it counts on"):
        assert load_measurements(sources) == once


def test_a_link_to_a_file_in_the_same_folder_counts_once(tmp_path: Path) -> None:
    """As a link ``latest.json`` to the last one does."""
    (tmp_path / "times.csv").write_text(TABLE)
    (tmp_path / "latest.csv").symlink_to("times.csv")
    with pytest.warns(UserWarning, match=r"times\.csv, read already"):
        (row,) = load_measurements(tmp_path)
    assert row.file == str(tmp_path / "latest.csv")


def test_an_empty_list_of_sources_is_not_the_default(tmp_path: Path) -> None:
    """As a pattern that fits no file leaves it."""
    with pytest.raises(UserError, match="no sources in the list"):
        load_measurements([])
