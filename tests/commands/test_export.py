from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest

from perceptron.cli import app
from tests.made import everything


def type_in(*arguments: str) -> None:
    assert not app(["export", *arguments], standalone_mode=False)


def test_json_names_what_was_written_and_counts_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, target = everything(tmp_path / "results"), tmp_path / "all.parquet"
    type_in("--parquet", str(target), "--results", str(results), "--json")
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "schema_version": 1,
        "parquet": str(target),
        "rows": len(pandas.read_parquet(target)),
        "warnings": [],
    }


def test_a_person_reads_one_line_and_the_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    everything(Path("results"))
    run = next(Path("results").glob("runs/*/*/measurements.jsonl"))
    run.write_bytes(b"garbage\n" + run.read_bytes())
    type_in("--parquet", "all.parquet")
    written = capsys.readouterr()
    assert written.out.endswith(" rows in all.parquet\n")
    assert f"{run}, line 1: not a measurement" in " ".join(written.err.split())
