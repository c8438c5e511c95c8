"""What studies have measured on this machine answers too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron import Advice, fastest
from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from tests.conftest import MakeRow
from tests.questions.fastest.conftest import stored

PREPARE = 0.1
ITERATIONS = 8  # an epoch of 1,000 rows in batches of 128


def three(row: MakeRow) -> list[Measurement]:
    return [
        row(
            **problem_fields(catalogue.find("mlp:1000x20x64:10c:128b:adam")),
            source="perceptron",
            dtype="float32",
            threads=2,
            device="cpu",
            backend="numpy",
            repeat=process,
            seconds=1e-3 * (1 + process),
            prepare_seconds=PREPARE,
        )
        for process in range(3)
    ]


def advice_from(results: Path) -> Advice:
    return fastest(
        rows=1000,
        features=20,
        hidden=(64,),
        classes=10,
        batch=128,
        optimizer="adam",
        epochs=1,
        threads=2,
        among=("numpy",),
        measure="never",
        results=results,
    )


def test_rows_of_this_machine_answer_with_what_they_rest_on(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    """Their median; and which libraries have changed since, of those beneath the backend."""
    stored(tmp_path, here, three(row))
    advice = advice_from(tmp_path)
    assert (advice.backend, advice.source) == ("numpy", "measured")
    assert advice.seconds == pytest.approx(PREPARE + 2e-3 * ITERATIONS)
    assert advice.candidates[0].doubt is None
    assert "numpy 2.0" in str(advice.stale)
    assert "python 3.12.1" in str(advice.stale)
    assert "torch" not in str(advice.stale)
    assert "scipy" not in str(advice.stale)


def test_results_run_is_read_once_until_changed_or_removed(
    tmp_path: Path, here: Environment, row: MakeRow
) -> None:
    """Other folders of results may not be at hand: what they said is still known."""
    assert advice_from(tmp_path / "nowhere").source == "unknown"
    folder = stored(tmp_path / "results", here, three(row))
    first = advice_from(tmp_path / "results")
    about = (folder / "run.json").read_bytes()
    (folder / "run.json").write_text("{")
    assert advice_from(tmp_path / "results") == first, "it was not read again"
    (folder / "run.json").write_bytes(about)
    lines = (folder / "measurements.jsonl").read_text().splitlines(keepends=True)
    (folder / "measurements.jsonl").write_text(lines[0])
    assert advice_from(tmp_path / "results").seconds == pytest.approx(PREPARE + 1e-3 * ITERATIONS)
    shutil.rmtree(folder)
    assert advice_from(tmp_path / "nowhere").source == "measured"
    assert advice_from(tmp_path / "results").source == "unknown"


@pytest.mark.parametrize(
    "other",
    [{"cpu": "Abacus 3000"}, {"cores": 999}],
)
def test_results_of_other_machines_are_ignored(
    tmp_path: Path, here: Environment, row: MakeRow, other: dict[str, Any]
) -> None:
    stored(tmp_path, replace(here, **other), three(row))
    assert advice_from(tmp_path).source == "unknown"


def test_results_damaged_run_is_skipped(tmp_path: Path, here: Environment, row: MakeRow) -> None:
    damaged = stored(tmp_path, here, three(row))
    (damaged / "run.json").write_text("{")
    os.mkfifo(damaged / "pipe")
    assert advice_from(tmp_path).source == "unknown"
    stored(tmp_path, here, three(row), "2026-01-02")
    assert advice_from(tmp_path).source == "measured"
