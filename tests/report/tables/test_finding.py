from __future__ import annotations

import pytest

from perceptron.analysis.stored.finding import FindingRow
from perceptron.report.tables.finding import (
    FINDING_COLUMNS,
    finding_cells,
    finding_sentence,
    show,
)

NUMPY = FindingRow(
    backend="numpy",
    dtype="float32",
    seconds=0.1,
    low=0.09,
    high=0.12,
    ratio_to_numpy=1.0,
    ratio_low=1.0,
    ratio_high=1.0,
)
TORCH = FindingRow(
    backend="torch-cpu",
    dtype="float32",
    seconds=0.5,
    low=0.45,
    high=0.6,
    ratio_to_numpy=5.0,
    ratio_low=4.0,
    ratio_high=6.0,
    published_seconds=8.1,
    published_ratio=4.76,
)
ABSENT = FindingRow(backend="torch-cuda", dtype=None, reason="no CUDA device found")


def test_trainings_stand_beside_the_published_ones() -> None:
    """With intervals; what was not measured has a reason; a backend over itself is 1."""
    rows = [finding_cells(row) for row in (NUMPY, TORCH, ABSENT)]
    assert rows == [
        ("numpy", "float32", "100 [90.0, 120] ms", "1", "–", "–"),
        ("torch-cpu", "float32", "500 [450, 600] ms", "5.00 [4.00, 6.00]", "–", "8.1 s (× 4.76)"),
        ("torch-cuda", "–", "not measured: no CUDA device found", "–", "–", "–"),
    ]
    assert all(len(row) == len(FINDING_COLUMNS) for row in rows)


def test_the_sentence_has_what_was_measured() -> None:
    assert finding_sentence([NUMPY, TORCH, ABSENT]) == (
        "10,000 iterations on the OR gate: numpy 100 [90.0, 120] ms, torch-cpu 500 [450, 600] ms."
    )


def test_a_terminal_shows_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    show([NUMPY, TORCH, ABSENT])
    text = capsys.readouterr().out
    assert all(name in text for name in ("numpy", "torch-cpu", "torch-cuda"))
