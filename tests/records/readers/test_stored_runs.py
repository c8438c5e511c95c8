"""A results folder and its runs, as pages and answers are made of them."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.cases import BACKENDS, SIZES
from perceptron.records.readers.stored_runs import read_results, read_run
from perceptron.records.row import Row
from tests.conftest import MakeRow
from tests.made import BENCH, keep, line, measured, race_row
from tests.plenty import plenty

OF_A_FILE = len(SIZES["mlp-width"]) * len(BACKENDS)
"""Rows of a file that `plenty` writes."""


@pytest.fixture
def results(tmp_path: Path, row: MakeRow) -> Path:
    """Write a run of ours of two rows, and three commits on two machines of asv's."""
    folder = tmp_path / "results"
    run = folder / "runs" / "box" / "one"
    run.mkdir(parents=True)
    lines = [msgspec.json.encode(row(backend=backend)) + b"\n" for backend in ("a", "b")]
    (run / "measurements.jsonl").write_bytes(b"".join(lines))
    plenty(folder / "asv", machines=2, commits=3)
    return folder


def test_stored_runs_end_at_link_to_parent(results: Path) -> None:
    (results / "runs" / "box" / "up").symlink_to(results)
    (results / "asv" / "up").symlink_to(results)
    assert len(read_results(results).rows) == 2 + 6 * OF_A_FILE


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions: the superuser may read everything")
@pytest.mark.parametrize("name", ["runs", "runs/box/one", "asv/box-00", "asv/benchmarks.json"])
def test_stored_runs_report_unreadable_files(results: Path, name: str) -> None:
    (results / name).chmod(0)
    try:
        folder = read_results(results)
    finally:
        (results / name).chmod(0o755)
    (line,) = folder.errors
    assert line.startswith(f"{results / name}: cannot be read: Permission denied")


_KILLED = "the worker was ended by SIGKILL"
_ROWS = st.one_of(
    st.just(race_row()),
    st.builds(
        measured,
        size=st.sampled_from([1, 2]),
        repeat=st.integers(0, 2),
        backend=st.sampled_from(["numpy", "torch-cpu"]),
        seconds=st.floats(1e-6, 1.0),
        samples=st.lists(st.floats(1e-6, 1.0), max_size=3),
        reason=st.sampled_from([None, None, _KILLED]),
        source=st.sampled_from(["perceptron", "perceptron", "csv"]),
        device=st.sampled_from(["cpu", "cuda"]),
    ),
)


@given(st.lists(st.lists(_ROWS, max_size=8), min_size=1, max_size=3))
def test_stored_runs_keep_rows_of_each_run(runs: Sequence[Sequence[Row]]) -> None:
    """However the rows of several were named and numbered together."""
    with tempfile.TemporaryDirectory() as folder:
        for number, rows in enumerate(runs):
            run = keep(Path(folder), BENCH, (), started=f"2026-01-01T0{number}:00:00Z")
            lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
            (run / "measurements.jsonl").write_bytes(lines)
        results = read_results(Path(folder))
        for stored in results.runs:
            assert results.load(stored, samples=True) == read_run(stored.folder)
            without = results.load(stored, samples=False)
            assert without == read_run(stored.folder, samples=False)
            whole = read_run(stored.folder)
            assert [len(row.samples) for row in without.times] == [
                len(row.samples) for row in whole.times
            ]
            plain = [replace(row, samples=[], dropped=[]) for row in whole.times]
            assert [replace(row, samples=[], dropped=[]) for row in without.times] == plain


def test_stored_runs_row_takes_little_memory(tmp_path: Path) -> None:
    """Of a million, each takes its numbers: its texts are shared, its samples are counted."""
    sizes, processes = (4, 16, 64, 256), 500
    rows = [
        replace(row, samples=[1e-3 + at / 7 for at in range(20)], problem_digest="0123456789ab")
        for row in line(sizes=sizes, processes=processes)
    ]
    keep(tmp_path, BENCH, rows)
    tracemalloc.start()
    try:
        results = read_results(tmp_path)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(results.rows) == len(rows)
    assert held < 900 * len(rows)  # 2,500 bytes with all texts and samples
