from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements

STATS = {"min": 0.5, "mean": 1.5, "median": 1.25, "q1": 1.0, "stddev": 0.25, "data": [1.0, 1.5]}


def benchmark(test: str = "test_sum", /, *, test_id: str | None = None, **fields: Any) -> Any:
    """As pytest-benchmark writes it, by default without parameters."""
    name = f"{test}[{test_id}]" if test_id else test
    return {
        "group": None,
        "name": name,
        "fullname": f"tests/test_bench.py::{name}",
        "params": None,
        "param": test_id,
        "extra_info": {},
        "options": {"timer": "perf_counter"},
        "stats": STATS,
        **fields,
    }


def of(library: object, size: object, test_id: str, **more: object) -> Any:
    return benchmark(test_id=test_id, params={"lib": library, "n": size, **more})


def write(file: Path, *benchmarks: Any) -> Path:
    content = {
        "machine_info": {"node": "box"},
        "commit_info": {"id": "0123456789abcdef", "dirty": True},
        "benchmarks": benchmarks,
        "datetime": "2026-01-01T00:00:00+00:00",
        "version": "5.1.0",
    }
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "benchmark.json"


def load(file: Path, *benchmarks: Any) -> list[Measurement]:
    return load_measurements(write(file, *benchmarks), by=["lib"], size="n")


def test_a_foreign_benchmark_becomes_a_row(file: Path) -> None:
    (row,) = load(file, of("numpy", 1000, "numpy-1000"))
    assert (row.family, row.backend, row.size) == ("test_sum", "numpy", 1000)
    assert (row.seconds, row.stdev, row.samples) == (1.25, 0.25, [1.0, 1.5])
    assert (row.machine, row.commit, row.problem) == ("box", "0123456789ab-dirty", None)


@pytest.mark.parametrize(
    ("missing", "seconds"),
    [(["q1"], 1.25), (["median"], 1.5), (["median", "mean"], 0.5)],
)
def test_without_a_median_the_next_best_is_used(
    file: Path, missing: list[str], seconds: float
) -> None:
    stats = {name: value for name, value in STATS.items() if name not in missing}
    (row,) = load(file, of("numpy", 1, "numpy-1") | {"stats": stats})
    assert row.seconds == seconds


def test_a_benchmark_without_a_time_failed(file: Path) -> None:
    (row,) = load(file, of("numpy", 1, "numpy-1") | {"stats": {"q1": float("nan")}})
    assert (row.status, row.seconds) == ("failed", None)


def test_our_own_row_is_per_iteration_whatever_is_asked_for(file: Path) -> None:
    info = {"problem": "p:2", "family": "p", "size": 2, "backend": "numpy", "iterations": 4}
    (row, other) = load(file, benchmark(extra_info=info), of("numpy", 1, "numpy-1"))
    assert (row.family, row.seconds, row.samples) == ("p", 0.3125, [0.25, 0.375])
    assert other.seconds == 1.25


def test_other_parameters_make_families_where_they_tell_rows_apart(file: Path) -> None:
    """Not one that goes with the size or backend: it would leave nothing to compare."""
    rows = load(
        file,
        *(
            of(library, size, "x", dtype=dtype, loops=1000 // size, seed=0)
            for library in ("numpy", "torch")
            for size in (10, 100)
            for dtype in ("float32", "float64")
        ),
    )
    assert {row.family for row in rows} == {"test_sum[dtype=float32]", "test_sum[dtype=float64]"}
    assert {row.dtype for row in rows} == {"float32", "float64"}


def test_two_tests_of_one_name_are_two_families(file: Path) -> None:
    other = of("numpy", 1, "numpy-1") | {"fullname": "tests/test_other.py::test_sum[numpy-1]"}
    rows = load(file, of("numpy", 1, "numpy-1"), other)
    assert [row.family for row in rows] == [
        "tests/test_bench.py::test_sum",
        "tests/test_other.py::test_sum",
    ]


def test_one_test_in_two_places_is_one_family(tmp_path: Path) -> None:
    """Two runs started in different folders are still of the same test."""
    moved = of("torch", 1, "torch-1") | {"fullname": "test_bench.py::test_sum[torch-1]"}
    one = write(tmp_path / "1.json", of("numpy", 1, "numpy-1"))
    two = write(tmp_path / "2.json", moved)
    rows = load_measurements(one, two, by=["lib"], size="n")
    assert [(row.family, row.process) for row in rows] == [("test_sum", 0)] * 2


def test_extra_info_group_and_name_can_hold_backend_and_size(file: Path) -> None:
    write(
        file,
        benchmark("test_numpy", group="sum", extra_info={"elements": 10}),
        benchmark("test_torch", group="sum", extra_info={"elements": 10}),
    )
    rows = load_measurements(file, by=["name"], size="elements")
    assert [(row.family, row.backend) for row in rows] == [
        ("sum", "test_numpy"),
        ("sum", "test_torch"),
    ]
    rows = load_measurements(file, by=["group"], size="elements")
    assert [(row.family, row.backend) for row in rows] == [
        ("test_numpy", "sum"),
        ("test_torch", "sum"),
    ]


def test_a_folder_of_saved_runs_is_read_as_one(tmp_path: Path) -> None:
    """As ``--benchmark-autosave`` leaves it: a second run is more processes of the same."""
    saved = tmp_path / ".benchmarks" / "Linux-CPython-3.11-64bit"
    saved.mkdir(parents=True)
    for name in ("0001_one.json", "0002_two.json"):
        write(saved / name, of("numpy", 1, "numpy-1"), of("torch", 1, "torch-1"))
    for source in (saved, saved.parent):
        rows = load_measurements(source, by=["lib"], size="n")
        assert [row.process for row in rows] == [0, 0, 1, 1]


def test_what_lacks_the_parameters_is_passed_over_unless_all_do(file: Path) -> None:
    assert len(load(file, benchmark(), of("numpy", 1, "numpy-1"))) == 1
    with pytest.raises(UserError, match=r"'libs'; did you mean 'lib'\? .* lib, n, name$"):
        load_measurements(file, by=["libs"], size="n")


def test_a_size_that_is_no_number_is_named(file: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"json, benchmark test_sum, parameter 'n': 'shape0' is not a size",
    ):
        load(file, of("numpy", [3, 1000], "numpy-shape0"))


def test_an_object_is_named_by_its_piece_of_the_id(file: Path) -> None:
    (row,) = load(file, of("UNSERIALIZABLE[<class 'a.Fast'>]", 1000, "Fast-1000"))
    assert row.backend == "Fast"


def test_before_parameters_were_kept_pieces_have_asvs_names(file: Path) -> None:
    old = benchmark(test_id="numpy-1000")
    del old["params"]
    (row,) = load_measurements(write(file, old), by=["param1"], size="param2")
    assert (row.backend, row.size) == ("numpy", 1000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON, or cut short"),
        ("[" * 100_000, "nested too deeply"),
        ('{"benchmarks": [' + "9" * 5000 + "]}", "not JSON"),
        ("{}", "JSON, but of none of asv, pytest-benchmark"),
        ('{"benchmarks": [{"params": 3}]}', "not what pytest-benchmark writes: .*params"),
        (
            '{"datetime": "", "machine_info": {}, "benchmarks": [{"stats": {"q1": 1}, "extra_info":'
            ' {"backend": "x", "size": "big", "iterations": 1, "problem": "", "family": ""}}]}',
            "extra_info: .*size",
        ),
        ('{"benchmarks": []}', "no benchmark of time"),
    ],
)
def test_what_pytest_benchmark_did_not_write_is_named(
    file: Path, content: str, message: str
) -> None:
    file.write_text(content)
    with pytest.raises(UserError, match=rf"benchmark\.json: {message}") as caught:
        load_measurements(file)
    assert len(str(caught.value).splitlines()) == 1


def test_names_hold_no_line_breaks_and_can_be_written(file: Path) -> None:
    (row,) = load(file, of("num\npy\ud800", 1, "x"))
    assert row.backend.encode() == b"num py?"
