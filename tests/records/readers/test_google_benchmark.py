from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perceptron.records.readers.shared.reading import AN_AGGREGATE, ReadRequest
from perceptron.records.readers.sources import LoadedSource, load_sources
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import GOOGLE_CONTEXT, google_aggregate, google_row

PROGRAM = r"""
#include <benchmark/benchmark.h>
static void BM_sum(benchmark::State& state) {
  for (auto _ : state)
    for (long i = 0; i < state.range(0); ++i) benchmark::DoNotOptimize(i);
}
BENCHMARK(BM_sum)->Arg(64)->Arg(512);
BENCHMARK(BM_sum)->ArgNames({"n"})->Arg(8)->Threads(2)->UseRealTime();
BENCHMARK_MAIN();
"""


def load(folder: Path, *benchmarks: dict[str, Any], **context: str) -> LoadedSource:
    file = folder / "results.json"
    document = {"context": GOOGLE_CONTEXT | context, "benchmarks": benchmarks}
    file.write_text(json.dumps(document))
    return load_sources([file], ReadRequest())[0]


def test_what_the_library_itself_writes_is_read(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++ and Google Benchmark (libbenchmark-dev)")
    source, program, results = (tmp_path / name for name in ("sum.cc", "sum", "results.json"))
    source.write_text(PROGRAM)
    build = [compiler, str(source), "-o", str(program), "-lbenchmark", "-lpthread"]
    if subprocess.run(build, capture_output=True, timeout=300, check=False).returncode:
        pytest.skip("needs Google Benchmark (libbenchmark-dev)")
    options = ("--benchmark_repetitions=3", f"--benchmark_out={results}")
    subprocess.run([program, *options], capture_output=True, timeout=300, check=True)
    rows = load_measurements(results)
    assert [(row.family, row.backend, row.size, row.threads) for row in rows] == [
        ("sum", "BM_sum", 64, None),
        ("sum", "BM_sum", 512, None),
        ("sum", "BM_sum", 8, 2),
    ]
    written = json.loads(results.read_text())["benchmarks"]
    first = [row["real_time"] * 1e-9 for row in written if row["name"] == "BM_sum/64"]
    assert rows[0].samples == pytest.approx(first)
    assert rows[0].seconds == pytest.approx(sorted(first)[1])


def test_repetitions_are_samples_of_one_process(tmp_path: Path) -> None:
    """Median 103 ns, quartiles 1 ns apart on each side of it, five values."""
    times = (103.0, 101.0, 105.0, 104.0, 102.0)
    repetitions = [google_row("BM_sort/64", time, index) for index, time in enumerate(times)]
    source = load(tmp_path, *repetitions)
    (row,) = source.rows
    assert (source.joined, source.left_out) == (4, {})
    assert row.seconds == pytest.approx(103e-9)
    assert row.samples == pytest.approx([time * 1e-9 for time in times])
    # 1.2533 × 2 / 1.349 / √5 standard errors, of which 99 % of Student's with 4 reach 4.604
    assert row.high == pytest.approx(103e-9 + 3.826e-9, rel=1e-3)
    assert (row.machine, row.when, row.family) == ("box", "2026-11-25T19:06:30Z", "bench_sort")


def test_one_repetition_has_no_interval(tmp_path: Path) -> None:
    (row,) = load(tmp_path, google_row("BM_sort/64", 1.5, time_unit="ms")).rows
    assert (row.seconds, row.low, row.high) == (pytest.approx(1.5e-3), None, None)


def test_aggregates_beside_repetitions_are_left_out(tmp_path: Path) -> None:
    aggregates = [
        google_aggregate("BM_sort/64", name, 9.0) for name in ("mean", "median", "stddev", "cv")
    ]
    complexity = {
        "name": "BM_sort_BigO",
        "run_name": "BM_sort",
        "run_type": "aggregate",
        "aggregate_name": "BigO",
        "real_coefficient": 0.29,
        "big_o": "NlgN",
    }
    source = load(tmp_path, google_row("BM_sort/64", 128.0), *aggregates, complexity)
    assert [row.seconds for row in source.rows] == [pytest.approx(128e-9)]
    assert source.left_out == {AN_AGGREGATE: 5}


def test_of_aggregates_alone_the_median_counts(tmp_path: Path) -> None:
    aggregates = [
        google_aggregate("BM_sort/64", name, time)
        for name, time in (("mean", 130.0), ("median", 128.0), ("stddev", 1.0))
    ]
    (row,) = load(tmp_path, *aggregates).rows
    assert (row.seconds, row.stdev) == (pytest.approx(128e-9), pytest.approx(1e-9))
    # three repetitions: Student's with 2 reach 9.925 errors of 1.2533 / √3 ns
    assert row.high == pytest.approx(128e-9 + 7.18e-9, rel=1e-3)


def test_a_version_that_says_only_by_name_what_is_an_aggregate_is_read(tmp_path: Path) -> None:
    old = [
        {"name": name, "real_time": time, "time_unit": "ns"}
        for name, time in (("BM_a/8", 5.0), ("BM_a/8_mean", 6.0), ("BM_a/8_stddev", 1.0))
    ]
    source = load(tmp_path, *old)
    assert [row.seconds for row in source.rows] == [pytest.approx(5e-9)]
    assert source.left_out == {AN_AGGREGATE: 2}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"error_occurred": True, "error_message": "no GPU"}, "failed"),
        ({"skipped": True, "skip_message": "no GPU"}, "skipped"),
    ],
)
def test_an_error_has_no_time(tmp_path: Path, more: dict[str, Any], status: str) -> None:
    (row,) = load(tmp_path, google_row("BM_sort/64", 7.0, **more)).rows
    assert (row.status, row.reason, row.seconds) == (status, "no GPU", None)


@pytest.mark.parametrize(
    ("name", "backend", "size", "threads"),
    [
        ("BM_sort/4096", "BM_sort", 4096, None),
        ("BM_sort/n:4096", "BM_sort", 4096, None),
        ("BM_sort/64/real_time", "BM_sort", 64, None),
        ("BM_sort/64/process_time/real_time/threads:8", "BM_sort", 64, 8),
        ("BM_sort/64/iterations:100/repeats:3/manual_time", "BM_sort", 64, None),
        ("BM_sort/64/min_time:0.500/min_warmup_time:1.000", "BM_sort", 64, None),
        ("BM_sort<std::vector<int>>/64", "BM_sort<std::vector<int>>", 64, None),
        ("BM_sort/sorted/64", "BM_sort/sorted", 64, None),
    ],
)
def test_a_name_holds_the_size_behind_the_backend(
    tmp_path: Path, name: str, backend: str, size: int, threads: int | None
) -> None:
    (row,) = load(tmp_path, google_row(name, 7.0)).rows
    assert (row.backend, row.size, row.threads) == (backend, size, threads)


def test_arguments_have_names_and_numbers_to_choose_by(tmp_path: Path) -> None:
    load(tmp_path, google_row("BM_sort/kind:2/64", 7.0), google_row("BM_sort/kind:3/64", 8.0))
    rows = load_measurements(tmp_path / "results.json", by="kind", size="arg2")
    assert [(row.backend, row.size) for row in rows] == [("2", 64), ("3", 64)]


def test_a_number_that_is_the_backend_is_not_the_size(tmp_path: Path) -> None:
    load(tmp_path, google_row("BM_sort/64/kind:2", 7.0))
    (row,) = load_measurements(tmp_path / "results.json", by="kind")
    assert (row.backend, row.size) == ("2", 64)


def test_other_arguments_tell_families_apart(tmp_path: Path) -> None:
    rows = load(tmp_path, google_row("BM_a/8/64", 7.0), google_row("BM_a/16/64", 8.0)).rows
    assert [row.family for row in rows] == ["bench_sort[arg1=8]", "bench_sort[arg1=16]"]


def test_an_executable_is_named_without_its_folder_on_windows_too(tmp_path: Path) -> None:
    source = load(tmp_path, google_row("BM_a/8", 7.0), executable=r"C:\build\sort.exe")
    assert source.families == ["sort.exe"]
