"""A small document of each tool whose JSON is read, in exactly the tool's shape."""

from __future__ import annotations

from typing import Any

# Of criterion 0.5, whose two files of a benchmark lie side by side (src/estimate.rs, report.rs).
CRITERION_BENCHMARK: dict[str, Any] = {
    "group_id": "Sum",
    "function_id": "fold",
    "value_str": "64",
    "throughput": None,
    "full_id": "Sum/fold/64",
    "directory_name": "Sum/fold/64",
    "title": "Sum/fold/64",
}


def estimate(nanoseconds: float, error: float) -> dict[str, Any]:
    """As criterion writes one."""
    return {
        "confidence_interval": {
            "confidence_level": 0.95,
            "lower_bound": nanoseconds - 2 * error,
            "upper_bound": nanoseconds + 2 * error,
        },
        "point_estimate": nanoseconds,
        "standard_error": error,
    }


def google_row(name: str, nanoseconds: float, index: int = 0, **more: Any) -> dict[str, Any]:
    """As Google Benchmark 1.9.1 writes a repetition."""
    return {
        "name": name,
        "family_index": 0,
        "per_family_instance_index": 0,
        "run_name": name,
        "run_type": "iteration",
        "repetitions": 3,
        "repetition_index": index,
        "threads": 1,
        "iterations": 10452,
        "real_time": nanoseconds,
        "cpu_time": nanoseconds,
        "time_unit": "ns",
        **more,
    }


def google_aggregate(name: str, aggregate: str, nanoseconds: float) -> dict[str, Any]:
    """As Google Benchmark 1.9.1 writes what it makes of the repetitions."""
    row = google_row(f"{name}_{aggregate}", nanoseconds, run_name=name, run_type="aggregate")
    row["aggregate_name"] = aggregate
    row["aggregate_unit"] = "time"
    del row["repetition_index"]
    return row


GOOGLE_CONTEXT: dict[str, Any] = {
    "date": "2026-11-25T21:06:30+02:00",
    "host_name": "box",
    "executable": "./build/bench_sort",
    "num_cpus": 2,
    "mhz_per_cpu": 2596,
    "cpu_scaling_enabled": False,
    "caches": [{"type": "Data", "level": 1, "size": 32768, "num_sharing": 1}],
    "load_avg": [3.01318, 3.29736, 2.0918],
    "library_version": "1.9.1",
    "library_build_type": "release",
    "json_schema_version": 1,
}


def hyperfine_result(command: str, times: list[float], **more: Any) -> dict[str, Any]:
    """As hyperfine 1.19.0 writes it."""
    return {
        "command": command,
        "mean": sum(times) / len(times),
        "stddev": 0.125,
        "median": sorted(times)[len(times) // 2],
        "user": 0.1,
        "system": 0.01,
        "min": min(times),
        "max": max(times),
        "times": times,
        "exit_codes": [0] * len(times),
        **more,
    }


def dotnet_benchmark(method: str, parameters: str, median: float) -> dict[str, Any]:
    """As BenchmarkDotNet 0.13 to 0.15 write it (JsonExporterBase.cs), times in nanoseconds."""
    return {
        "DisplayInfo": f"Sorting.{method}: DefaultJob [{parameters}]",
        "Namespace": "Demo",
        "Type": "Sorting",
        "Method": method,
        "MethodTitle": method,
        "Parameters": parameters,
        "FullName": f"Demo.Sorting.{method}(N: 1000)",
        "HardwareIntrinsics": "AVX2",
        "Statistics": {
            "OriginalValues": [median, median],
            "N": 16,
            "Min": median - 20,
            "LowerFence": median - 40,
            "Q1": median - 10,
            "Median": median,
            "Mean": median + 1,
            "Q3": median + 10,
            "StandardDeviation": 8.0,
        },
    }


def action_run(tool: str, *benches: dict[str, Any], day: int = 1) -> dict[str, Any]:
    """As github-action-benchmark 1.20 writes a run (src/extract.ts)."""
    return {
        "commit": {
            "author": {"email": "a@b.c", "name": "A", "username": "a"},
            "id": f"{day:040x}",
            "message": "Faster",
            "timestamp": f"2024-01-{day:02d}T11:21:36+03:00",
            "url": "https://github.com/a/b/commit/1",
        },
        "date": 1706084685741,
        "tool": tool,
        "benches": list(benches),
    }


def action_page(*runs: dict[str, Any]) -> dict[str, Any]:
    """As github-action-benchmark writes its page's data."""
    return {
        "lastUpdate": 1706429278187,
        "repoUrl": "https://github.com/a/b",
        "entries": {"Suite": list(runs)},
    }


DOCUMENTS: dict[str, dict[str, Any]] = {
    "pytest-benchmark": {
        "machine_info": {"node": "box"},
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "benchmarks": [
            {
                "group": None,
                "name": "test_sum_1000",
                "fullname": "tests/test_bench.py::test_sum_1000",
                "params": None,
                "param": None,
                "extra_info": {"size": 3},
                "stats": {"min": 0.5, "median": 1.25, "q1": 1.0, "q3": 1.5, "rounds": 9},
            }
        ],
        "datetime": "2026-01-01T00:00:00+00:00",
        "version": "5.1.0",
    },
    "github-action-benchmark": action_page(
        action_run("cargo", {"name": "sum_100", "value": 500, "range": "± 25", "unit": "ns/iter"}),
        action_run(
            "pytest",
            {
                "name": "test.py::test_sum_100",
                "value": 4.0,
                "unit": "iter/sec",
                "range": "stddev: 0.02",
                "extra": "mean: 250 msec\nrounds: 16",
            },
        ),
    ),
    "Google Benchmark": {
        "context": GOOGLE_CONTEXT,
        "benchmarks": [
            google_row("BM_sort/kind:2/n:64/threads:2", 128.0),
            google_row("BM_sort/kind:2/n:64/threads:2", 129.0, 1),
            google_aggregate("BM_sort/64", "median", 128.5),
            google_aggregate("BM_sort/64", "stddev", 0.5),
        ],
    },
    "hyperfine": {
        "results": [
            hyperfine_result("sort-a 10", [0.5, 0.25, 0.75], parameters={"size": "10"}),
            hyperfine_result("sort-b 10", [0.5, 0.25, 0.75]),
        ]
    },
    "BenchmarkDotNet": {
        "Title": "Demo.Sorting-20250101-120000",
        "HostEnvironmentInfo": {
            "BenchmarkDotNetCaption": "BenchmarkDotNet",
            "BenchmarkDotNetVersion": "0.15.8",
            "OsVersion": "Ubuntu 24.04",
            "ProcessorName": "AMD Ryzen 9",
            "RuntimeVersion": ".NET 10.0.10",
        },
        "Benchmarks": [
            dotnet_benchmark("Quick", "Kind=random&N=1000", 500.0),
            dotnet_benchmark("Merge", "Kind=random&N=1000", 700.0),
        ],
    },
    "criterion": {
        "mean": estimate(510.0, 2.0),
        "median": estimate(500.0, 1.0),
        "median_abs_dev": estimate(5.0, 1.0),
        "slope": None,
        "std_dev": estimate(8.0, 1.0),
    },
}
