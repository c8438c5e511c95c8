from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements
from tests.foreign_documents import hyperfine_result


def load(folder: Path, *results: dict[str, Any], **options: Any) -> list[Measurement]:
    file = folder / "sorting.json"
    file.write_text(json.dumps({"results": results}))
    return load_measurements(file, **options)


def test_what_the_tool_itself_writes_is_read(tmp_path: Path) -> None:
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


def test_each_run_is_a_process_of_its_own(tmp_path: Path) -> None:
    rows = load(tmp_path, hyperfine_result("sort 10", [0.5, 0.25, 0.75]))
    assert [(row.process, row.seconds) for row in rows] == [(0, 0.5), (1, 0.25), (2, 0.75)]
    assert {(row.family, row.backend, row.size) for row in rows} == {("sorting", "sort", 10)}


def test_a_parameter_that_is_the_size_is_no_part_of_the_backend(tmp_path: Path) -> None:
    rows = load(
        tmp_path,
        hyperfine_result("sort-a -n 10 --fast", [0.5], parameters={"n": "10"}),
        hyperfine_result("sort-b -n 10 --10x", [0.5], parameters={"n": "10"}),
    )
    assert [(row.backend, row.size) for row in rows] == [
        ("sort-a -n --fast", 10),
        ("sort-b -n --10x", 10),
    ]


def test_parameters_are_chosen_by_their_names(tmp_path: Path) -> None:
    parameters = {"tool": "quick", "n": "10", "seed": "3"}
    result = hyperfine_result("run quick 10 3", [0.5], parameters=parameters)
    (row,) = load(tmp_path, result, by="tool", size="n")
    assert (row.backend, row.size) == ("quick", 10)


def test_a_parameter_in_words_stays_in_the_backend(tmp_path: Path) -> None:
    parameters = {"tool": "quick", "n": "10"}
    (row,) = load(tmp_path, hyperfine_result("run quick 10", [0.5], parameters=parameters))
    assert (row.backend, row.size) == ("run quick", 10)


def test_a_run_that_ends_with_an_error_has_no_time(tmp_path: Path) -> None:
    rows = load(tmp_path, hyperfine_result("sort 10", [0.5, 0.25], exit_codes=[0, 137]))
    assert [(row.status, row.seconds) for row in rows] == [("ok", 0.5), ("failed", None)]
    assert rows[1].reason == "ended with exit code 137"


@pytest.mark.parametrize("codes", [[], [None, None], [0]], ids=str)
def test_a_run_without_an_exit_code_counts(tmp_path: Path, codes: list[Any]) -> None:
    rows = load(tmp_path, hyperfine_result("sort 10", [0.5, 0.25], exit_codes=codes))
    assert [row.status for row in rows] == ["ok", "ok"]


def test_of_a_file_without_the_runs_the_median_counts(tmp_path: Path) -> None:
    result = hyperfine_result("sort 10", [0.5, 0.25, 0.75])
    del result["times"]
    (row,) = load(tmp_path, result)
    assert (row.seconds, row.stdev, row.samples) == (0.5, 0.125, [])
