from __future__ import annotations

from perceptron.report.tables.one_size import single_cells, single_table
from tests.conftest import MakeRow


def test_a_family_of_one_size_shows_its_times(row: MakeRow) -> None:
    """One line for each backend, with its interval; the finding has its own table."""
    rows = [
        row(family="mine", problem="mine.toml", backend=backend, process=process, seconds=seconds)
        for backend, seconds in (("numpy", 1e-3), ("torch-cpu", 2e-3))
        for process in (0, 1, 2)
    ]
    rows.append(row(family="or-gate", problem="or-gate", seconds=1e-6))
    assert single_cells(rows) == [
        ("mine", "numpy", "2", "1.00 [1.00, 1.00] ms"),
        ("mine", "torch-cpu", "2", "2.00 [2.00, 2.00] ms"),
    ]


def test_what_was_not_measured_has_its_reason(row: MakeRow) -> None:
    """At all, or from some process on."""
    rows = [
        row(backend="numpy", status="skipped", reason="it stands still"),
        row(backend="torch-cpu", seconds=1e-3),
        row(backend="torch-cpu", process=1, status="failed", reason="out of memory"),
    ]
    assert [cells[3] for cells in single_cells(rows)] == [
        "not measured: it stands still",
        "1.00 [no interval] ms, then no more: out of memory",
    ]


def test_where_processes_share_the_threads_all_say_how(row: MakeRow) -> None:
    """2 × 1 stands beside 1 × 2, and the heading says what is multiplied."""
    rows = [
        row(backend="torch-ddp", seconds=1e-3),
        row(backend="torch-ddp@2", processes=2, threads=1, seconds=2e-3),
    ]
    columns, cells = single_table(rows)
    assert columns[2] == "processes × threads"
    assert [cell[1:3] for cell in cells] == [("torch-ddp", "1 × 2"), ("torch-ddp@2", "2 × 1")]
    assert single_table(rows[:1])[0][2] == "threads"
