from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perceptron.records.measurement import Measurement
from perceptron.records.readers.reading import (
    AN_AGGREGATE,
    NO_SIZE_IN_NAME,
    NOT_ASKED_FOR,
    ReadRequest,
)
from perceptron.records.readers.sources import LoadedSource, load_sources
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import action_page, action_run

SHARED = Path(__file__).parents[4] / "shared" / "data" / "strangers"


def write(folder: Path, tool: str, *benches: dict[str, Any]) -> Path:
    file = folder / "data.js"
    page = action_page(action_run(tool, *benches))
    file.write_text(f"window.BENCHMARK_DATA = {json.dumps(page)};\n")
    return file


def load(folder: Path, tool: str, *benches: dict[str, Any]) -> LoadedSource:
    return load_sources([write(folder, tool, *benches)], ReadRequest())[0]


def one(folder: Path, tool: str, **bench: Any) -> Measurement:
    (row,) = load(folder, tool, {"name": "sum_100", "unit": "ns/iter", **bench}).rows
    return row


def test_the_page_of_a_project_is_read() -> None:
    """Two runs of pyxirr: what its file says of two of its seventeen benchmarks."""
    file = SHARED / "pyxirr" / "data.js"
    if not file.is_file():
        pytest.skip("needs the shared folder of other projects' results")
    rows = load_measurements(file)
    assert len(rows) == 17
    assert {row.family for row in rows} == {"Rust Benchmark"}
    assert {row.backend for row in rows} == {"bench_python", "bench_rust", "bench_scipy"}
    first = next(row for row in rows if (row.backend, row.size) == ("bench_rust", 10000))
    assert first.seconds == pytest.approx(3871309e-9)
    assert (first.low, first.high) == pytest.approx((3632144e-9, 4110474e-9))
    assert (first.commit, first.committed) == ("41a41017414d", "2021-05-20T16:05:30Z")
    assert first.when == "2021-05-20T18:54:37Z"
    last = next(row for row in rows if (row.backend, row.size) == ("bench_rust", 500))
    assert (last.seconds, last.commit) == (pytest.approx(288936e-9), "c91f88143d5f")


def test_a_project_with_such_a_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "dev" / "bench").mkdir(parents=True)
    write(tmp_path / "dev" / "bench", "cargo", {"name": "sum_1", "value": 5, "unit": "ns"})
    (row,) = load_measurements(tmp_path)
    assert row.seconds == pytest.approx(5e-9)


def test_a_name_without_a_size_is_left_out_and_counted(tmp_path: Path) -> None:
    benches = [{"name": name, "value": 5, "unit": "ns"} for name in ("sum_1", "sum", "sum_n")]
    assert load(tmp_path, "cargo", *benches).left_out == {NO_SIZE_IN_NAME: 2}


def test_what_is_no_time_is_left_out_with_its_unit(tmp_path: Path) -> None:
    source = load(
        tmp_path,
        "customSmallerIsBetter",
        {"name": "sum_1", "value": 5, "unit": "ms"},
        {"name": "sum_1", "value": 5, "unit": "MB"},
    )
    assert source.left_out == {"in a unit that is no time: 'MB'": 1}
    assert [row.seconds for row in source.rows] == [pytest.approx(5e-3)]


def test_a_rate_becomes_the_time_of_one_and_keeps_the_order_of_its_ends(tmp_path: Path) -> None:
    row = one(tmp_path, "customBiggerIsBetter", value=100, unit="ops/s", range="± 20%")
    assert row.seconds == pytest.approx(0.01)
    assert (row.low, row.high) == (pytest.approx(1 / 120), pytest.approx(1 / 80))


def test_a_rate_that_may_be_zero_has_an_open_end(tmp_path: Path) -> None:
    row = one(tmp_path, "customBiggerIsBetter", value=100, unit="ops/s", range="± 150")
    assert (row.low, row.high) == (pytest.approx(1 / 250), None)


def test_the_95_percent_of_benchmark_js_become_99(tmp_path: Path) -> None:
    row = one(tmp_path, "benchmarkjs", value=100, unit="ops/sec", range="±1.96%")
    assert (row.low, row.high) == (pytest.approx(0.01 / 1.02576), pytest.approx(0.01 / 0.97424))


def test_the_deviation_that_pytest_benchmark_gives_a_rate_is_in_seconds(tmp_path: Path) -> None:
    """Mean 0.25 s, deviation 0.02 s of 16 rounds: Student's 2.947 times 0.005 s on each side."""
    extra = "mean: 250.0 msec\nrounds: 16"
    row = one(tmp_path, "pytest", value=4, unit="iter/sec", range="stddev: 0.02", extra=extra)
    assert (row.seconds, row.stdev) == (0.25, 0.02)
    assert (row.low, row.high) == (pytest.approx(0.23527, 1e-4), pytest.approx(0.26473, 1e-4))


def test_a_deviation_without_its_rounds_is_no_interval(tmp_path: Path) -> None:
    row = one(tmp_path, "pytest", value=4, unit="iter/sec", range="stddev: 0.02")
    assert (row.stdev, row.low, row.high) == (0.02, None, None)


def test_catch2_states_its_deviation_in_an_unknown_unit(tmp_path: Path) -> None:
    """1.02 ms with 980 us is written as 1.02 and ± 980."""
    row = one(tmp_path, "catch2", value=1.02, unit="ms", range="± 980")
    assert (row.seconds, row.low, row.high) == (pytest.approx(1.02e-3), None, None)


def test_the_range_of_benchmark_dotnet_is_a_deviation(tmp_path: Path) -> None:
    row = one(tmp_path, "benchmarkdotnet", value=500, unit="ns", range="± 8.5")
    assert row.stdev == pytest.approx(8.5e-9)


def test_what_go_reports_beside_the_time_is_read_once(tmp_path: Path) -> None:
    source = load(
        tmp_path,
        "go",
        {"name": "BenchmarkSum/8", "value": 42, "unit": "ns/op\t 64 B/op", "extra": "9 times"},
        {"name": "BenchmarkSum/8 - ns/op", "value": 42, "unit": "ns/op"},
        {"name": "BenchmarkSum/8 - B/op", "value": 64, "unit": "B/op"},
    )
    assert [(row.backend, row.size) for row in source.rows] == [("BenchmarkSum", 8)]
    assert source.left_out == {AN_AGGREGATE: 1, "in a unit that is no time: 'B/op'": 1}


@pytest.mark.parametrize("value", [0, -4, None, "fast", float("nan"), float("inf")])
def test_what_is_no_time_fails_with_a_reason(tmp_path: Path, value: object) -> None:
    row = one(tmp_path, "cargo", value=value)
    assert (row.status, row.seconds) == ("failed", None)
    assert row.reason == "no time in github-action-benchmark"


def test_the_size_and_backend_are_found_by_a_pattern(tmp_path: Path) -> None:
    file = write(tmp_path, "cargo", {"name": "sum_64_rust_f4", "value": 5, "unit": "ns"})
    pattern = r"_(?P<size>\d+)_(?P<language>\w+?)_"
    (row,) = load_measurements(file, by="language", size_regex=pattern)
    assert (row.size, row.backend) == (64, "rust")


def test_a_deviation_is_no_time_of_a_benchmark(tmp_path: Path) -> None:
    """Google Benchmark's aggregates are entries like its times, and in their unit."""
    names = ("BM_sum/64", "BM_sum/64_stddev", "BM_sum/64_cv")
    file = write(
        tmp_path, "googlecpp", *({"name": name, "value": 5, "unit": "ns/iter"} for name in names)
    )
    rows = load_measurements(file, size_regex=r"/(\d+)")
    assert [row.backend for row in rows] == ["BM_sum"]


def test_only_the_suite_asked_for_is_read(tmp_path: Path) -> None:
    bench = {"name": "sum_1", "value": 5, "unit": "ns"}
    page = action_page(action_run("cargo", bench))
    page["entries"]["Other"] = page["entries"]["Suite"]
    (tmp_path / "data.js").write_text(json.dumps(page))
    (source,) = load_sources([tmp_path / "data.js"], ReadRequest(families=("Other",)))
    assert [row.family for row in source.rows] == ["Other"]
    assert (source.left_out, source.families) == ({NOT_ASKED_FOR: 1}, ["Other", "Suite"])
