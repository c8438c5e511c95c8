"""Rows of Adam and of plain descent of one family lie in one folder: no answer mixes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import perceptron
from perceptron.cli import app
from tests.made import BENCH, keep, line

SGD = {"optimizer": "sgd", "feed": "resident", "outputs": 1}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs of one commit: torch is twice as slow by Adam, so that they meet elsewhere."""
    monkeypatch.chdir(tmp_path)
    keep(tmp_path, BENCH, [replace(row, **SGD) for row in line()])
    adam = [
        replace(
            row,
            **SGD | {"optimizer": "adam"},
            seconds=(row.seconds or 0) * (1.5 if row.backend == "torch-cpu" else 1),
        )
        for row in line(sizes=(4, 16, 64, 256, 1024, 4096))
    ]
    keep(tmp_path, BENCH, adam, started="2026-01-02T00:00:00Z")
    return tmp_path


def crossover(*arguments: str) -> None:
    assert not app(["crossover", *arguments], standalone_mode=False)


def test_each_has_its_own_answer_and_a_line_says_so(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = perceptron.load_results(results)
    assert set(table.optimizer) == {"adam", "sgd"}
    crossover("--from", str(results), "--json")
    document = json.loads(capsys.readouterr().out)
    found = {one["optimizer"]: one for one in document["crossovers"]}
    assert found["sgd"]["size"] == pytest.approx(200, rel=0.1)
    assert found["adam"]["size"] == pytest.approx(800, rel=0.1)
    assert found["sgd"]["sizes_measured"] == [4, 16, 64, 256]
    (warning,) = [one for one in document["warnings"] if one["code"] == "kept-apart"]
    assert warning["message"] == ("mlp-width: rows of adam and of sgd are judged apart")
    (source,) = document["sources"]
    assert source["used"] == source["read"] == len(table)


def test_what_has_no_partner_is_counted_with_its_training(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A third backend was trained by AdamW only."""
    third = [replace(row, **SGD | {"optimizer": "adamw"}) for row in line(backends=("numba",))]
    keep(results, BENCH, third, started="2026-01-03T00:00:00Z")
    crossover("--from", str(results), "--json")
    document = json.loads(capsys.readouterr().out)
    assert "numba" not in {one["challenger"] for one in document["crossovers"]}
    (left_out,) = document["sources"][0]["left_out"]
    assert left_out == {"rows": len(third), "reason": "trained as no other backend was: adamw"}
