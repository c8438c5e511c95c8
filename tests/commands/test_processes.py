"""``--processes``: one real run over two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.questions.bench import study as bench
from perceptron.questions.crossover import study as crossover
from tests.commands.conftest import AMPLE
from tests.conftest import ROOT, Perceptron

TWO = "torch-ddp@2"


@pytest.mark.slow
def test_processes_option_measures_two_beside_one(
    here: Perceptron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For real: rows of 2 × 1 beside those of 2 threads on two sizes, and their crossover.

    In one repeat: each starts PyTorch twice.
    """
    for module in (bench, crossover):
        monkeypatch.setattr(module, "repeats", lambda quick: (1, 1, 1))
    model = (ROOT / "docs" / "examples" / "points-width.toml").read_text(encoding="utf-8")
    (tmp_path / "little.toml").write_text(model.replace("[4, 16, 64, 256]", "[4, 8]"))
    process = here(
        *("bench", "--quick", "--problem", "little.toml", "--machine", "box"),
        *("--backends", "numpy,torch-ddp", "--processes", "2", "--threads", "2"),
        *("--html", "", "--json", *AMPLE),
    )
    assert process.returncode in (0, 3), process.stderr  # few repeats may decide nothing
    document = json.loads(process.stdout)
    lines = (tmp_path / document["results"] / "measurements.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    over_two = [row for row in rows if row["backend"] == TWO]
    assert {row["status"] for row in over_two} == {"ok"}, over_two
    assert {(row["processes"], row["threads"]) for row in over_two} == {(2, 1)}
    assert {row["family"] for row in over_two} == {"little"}
    (pair,) = document["crossovers"]
    assert (pair["incumbent"], pair["challenger"]) == ("numpy", TWO)
    assert {4, 8} <= set(pair["sizes_measured"]) <= set(range(4, 9))
    assert pair["threads"] == 2
