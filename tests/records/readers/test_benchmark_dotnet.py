from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import DOCUMENTS, dotnet_benchmark


def load(folder: Path, *benchmarks: dict[str, Any], **options: Any) -> list[Measurement]:
    file = folder / "Demo.Sorting-report-full.json"
    file.write_text(json.dumps(DOCUMENTS["BenchmarkDotNet"] | {"Benchmarks": benchmarks}))
    return load_measurements(file, **options)


def test_methods_are_compared_at_the_numbers_among_the_parameters(tmp_path: Path) -> None:
    rows = load(
        tmp_path,
        dotnet_benchmark("Quick", "Kind=random&N=1000", 500.0),
        dotnet_benchmark("Merge", "Kind=random&N=1000", 700.0),
        dotnet_benchmark("Merge", "Kind=sorted&N=1000", 600.0),
    )
    assert [(row.family, row.backend, row.size) for row in rows] == [
        ("Sorting[Kind=random]", "Quick", 1000),
        ("Sorting[Kind=random]", "Merge", 1000),
        ("Sorting[Kind=sorted]", "Merge", 1000),
    ]
    assert (rows[0].machine, rows[0].environment) == ("AMD Ryzen 9", ".NET 10.0.10")


def test_the_median_has_its_interval_from_the_quartiles(tmp_path: Path) -> None:
    """Quartiles 20 ns apart, 16 values: Student's 2.947 times 1.2533 × 20 / 1.349 / 4 ns."""
    (row,) = load(tmp_path, dotnet_benchmark("Quick", "N=1000", 500.0))
    assert (row.seconds, row.stdev) == (pytest.approx(500e-9), pytest.approx(8e-9))
    assert row.high == pytest.approx(500e-9 + 13.69e-9, rel=1e-3)


def test_parameters_are_chosen_by_their_names(tmp_path: Path) -> None:
    rows = load(tmp_path, dotnet_benchmark("Sort", "Kind=random&N=8&M=3", 5.0), by="Kind", size="N")
    assert [(row.backend, row.size) for row in rows] == [("random", 8)]


@pytest.mark.parametrize("statistics", [None, {}, {"Median": ""}, {"Median": -1.0}])
def test_a_benchmark_that_did_not_run_has_no_time(tmp_path: Path, statistics: object) -> None:
    benchmark = dotnet_benchmark("Quick", "N=1000", 500.0) | {"Statistics": statistics}
    (row,) = load(tmp_path, benchmark)
    assert (row.status, row.reason) == ("failed", "no time in BenchmarkDotNet")


def test_the_processor_of_an_old_version_is_not_taken_for_its_name(tmp_path: Path) -> None:
    """Version 0.9.9 writes an object."""
    file = tmp_path / "old.json"
    host = {"ProcessorName": {"IsValueCreated": True, "Value": "Intel"}}
    benchmarks = [dotnet_benchmark("Quick", "N=1", 5.0)]
    file.write_text(json.dumps({"HostEnvironmentInfo": host, "Benchmarks": benchmarks}))
    assert load_measurements(file)[0].machine == "unknown"


def test_a_number_type_among_the_parameters_is_the_ground(tmp_path: Path) -> None:
    (row,) = load(tmp_path, dotnet_benchmark("Quick", "dtype=float32&device=cuda&N=8", 5.0))
    assert (row.dtype, row.device) == ("float32", "cuda")
