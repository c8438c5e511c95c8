"""A results folder and its runs, as pages and answers are made of them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from benchmarks.cases import BACKENDS, SIZES
from perceptron.records.readers.stored_runs import read_results
from tests.conftest import MakeRow
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


def test_a_link_to_a_folder_above_ends(results: Path) -> None:
    (results / "runs" / "box" / "up").symlink_to(results)
    (results / "asv" / "up").symlink_to(results)
    assert len(read_results(results).rows) == 2 + 6 * OF_A_FILE


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions: the superuser may read everything")
@pytest.mark.parametrize("name", ["runs", "runs/box/one", "asv/box-00", "asv/benchmarks.json"])
def test_what_may_not_be_read_is_reported(results: Path, name: str) -> None:
    (results / name).chmod(0)
    try:
        folder = read_results(results)
    finally:
        (results / name).chmod(0o755)
    (line,) = folder.complaints
    assert line.startswith(f"{results / name}: cannot be read: Permission denied")
