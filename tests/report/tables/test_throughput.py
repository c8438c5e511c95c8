from __future__ import annotations

from collections.abc import Sequence

import pytest

from perceptron.records.measurement import Measurement
from perceptron.report.tables.one_size import single_table
from perceptron.report.tables.throughput import COLUMNS, EPOCH_COLUMNS, show, throughput_cells
from tests.conftest import MakeRow

ADAM = {"optimizer": "adam", "outputs": 10, "rows": 1000}


def along_the_batch(row: MakeRow, processes: Sequence[int] = (0, 1, 2)) -> list[Measurement]:
    """NumPy wins batches of 10; of 100, torch, with 25,000 rows in a second."""
    return [
        row(
            **{**ADAM, "family": "mlp-batch", "size": batch, "batch": batch, "axes": ("batch",)},
            problem=f"mlp-batch:{batch}",
            backend=backend,
            process=process,
            seconds=seconds,
        )
        for batch, backend, seconds in (
            (100, "torch-cpu", 4e-3),
            (100, "numpy", 5e-3),
            (10, "torch-cpu", 2e-3),
            (10, "numpy", 1.25e-3),
        )
        for process in processes
    ]


def test_the_fastest_at_each_size_has_its_rate(row: MakeRow) -> None:
    """An epoch of 1,000 rows takes 100 iterations, or 10."""
    lines = throughput_cells(along_the_batch(row))
    assert lines == [
        ("mlp-batch", "batch 10", "2", "numpy", "1.25 [1.25, 1.25] ms", "8.00 k rows/s", "125 ms"),
        (
            *("mlp-batch", "batch 100", "2", "torch-cpu"),
            *("4.00 [4.00, 4.00] ms", "25.0 k rows/s", "40.0 ms"),
        ),
    ]
    assert len(lines[0]) == len(COLUMNS + EPOCH_COLUMNS)


def test_a_cell_of_a_map_has_both_sizes(row: MakeRow) -> None:
    cell = {"axes": ("batch", "width"), "sizes": (8, 64), "size": 512, "batch": 8, "rows": 64}
    ((_, size, *_),) = throughput_cells([row(**cell, seconds=1.0)])
    assert size == "batch × width 8 × 64"


def test_another_commit_is_no_further_process(row: MakeRow) -> None:
    """The newest counts, as everywhere."""
    old = [row(**ADAM, batch=10, commit="a", when="2025", process=p, seconds=1.0) for p in (0, 1)]
    new = row(**ADAM, batch=10, commit="b", when="2026", process=2, seconds=0.1)
    ((*_, rate, epoch),) = throughput_cells([*old, new])
    assert (rate, epoch) == ("100 rows/s", "10.0 s")


def test_full_batches_have_no_table(row: MakeRow, capsys: pytest.CaptureFixture[str]) -> None:
    show([row(rows=100, seconds=1.0)])
    assert capsys.readouterr().out == ""


def test_a_family_of_one_size_has_its_rate_beside_its_time(row: MakeRow) -> None:
    """Full batches in the same table have a dash; without any mini-batch there is no column."""
    digits = {"family": "digits", "problem": "digits", "rows": 1347, "batch": 32}
    digits["iterations_per_epoch"] = 43
    rows = [
        row(**digits, seconds=1e-3),
        row(**digits, backend="torch-cuda", status="skipped", reason="no CUDA device found"),
        row(family="xor", problem="xor", rows=4, seconds=1e-6),
    ]
    columns, lines = single_table(rows)
    assert columns[-2:] == EPOCH_COLUMNS
    assert [cells[-2:] for cells in lines] == [
        ("31.3 k rows/s", "43.0 ms"),
        ("–", "–"),
        ("–", "–"),
    ]
    assert set(EPOCH_COLUMNS).isdisjoint(single_table(rows[2:])[0])
