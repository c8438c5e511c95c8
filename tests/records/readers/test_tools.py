"""What the tools themselves write, where they are installed, and what a project has published."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from perceptron.records.readers.sources import load_measurements

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


def test_hyperfine(tmp_path: Path) -> None:
    hyperfine = shutil.which("hyperfine")
    if hyperfine is None:
        pytest.skip("needs hyperfine")
    results = tmp_path / "results.json"
    options = ("-N", "--runs=3", "--warmup=0", "-i", "-L", "size", "1,2", "--export-json", results)
    commands = ("true {size}", "false {size}")
    subprocess.run([hyperfine, *options, *commands], capture_output=True, timeout=60, check=True)
    rows = load_measurements(results)
    assert {(row.backend, row.size, row.status) for row in rows} == {
        ("true", 1, "ok"),
        ("true", 2, "ok"),
        ("false", 1, "failed"),
        ("false", 2, "failed"),
    }
    written = json.loads(results.read_text())["results"][0]["times"]
    assert [row.seconds for row in rows[:3]] == written


def test_google_benchmark(tmp_path: Path) -> None:
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
