from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import perceptron
from perceptron.records.readers.table import load_measurements
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
    (tmp_path / "again.csv").write_text(TABLE)
    rows = load_measurements(tmp_path / "times.csv", tmp_path / "again.csv")
    assert [row.process for row in rows] == [0, 1]
