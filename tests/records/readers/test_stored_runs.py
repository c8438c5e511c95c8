"""A results folder and its runs, as pages and answers are made of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from benchmarks.cases import BACKENDS, SIZES
from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.readers.sources import load_measurements
from perceptron.records.readers.stored_runs import read_facts, read_results, read_run
from tests.conftest import MakeRow
from tests.made import BENCH, FACTS, bench_rows, keep
from tests.plenty import plenty


def test_a_run_is_handed_over_as_it_was_kept(tmp_path: Path) -> None:
    """Its plan, facts, conditions and rows; lines that are no rows are left out."""
    folder = keep(tmp_path, BENCH, bench_rows())
    assert read_facts(folder).conditions is None
    (folder / "conditions.json").write_bytes(msgspec.json.encode(Conditions(on_battery=True)))
    with (folder / "measurements.jsonl").open("a") as file:
        file.write("{}\n")
    loaded = read_run(folder)
    assert (loaded.folder, loaded.run.plan) == (folder, BENCH)
    assert loaded.facts == read_facts(folder)
    assert loaded.facts.environment == FACTS
    assert loaded.facts.conditions == Conditions(on_battery=True)
    assert len(loaded.times) == len(bench_rows())


def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    folder = keep(tmp_path, BENCH, bench_rows())
    (folder / "conditions.json").write_text("{")
    for read in (read_run, read_facts):
        with pytest.raises(UserError, match=r"conditions\.json"):
            read(folder)


def test_a_folder_of_results_is_read_with_its_complaints(tmp_path: Path) -> None:
    """Runs come newest first; a broken one is a complaint, and its rows are still there."""
    keep(tmp_path, BENCH, bench_rows(), started="2026-01-01T00:00:00Z")
    newer = keep(tmp_path, BENCH, bench_rows(), started="2026-01-02T00:00:00Z")
    broken = keep(tmp_path, BENCH, bench_rows(), started="2026-01-03T00:00:00Z")
    (broken / "run.json").write_text("{")
    stored = read_results(tmp_path)
    assert stored.folder == tmp_path
    assert stored.runs[0].folder == newer
    assert len(stored.runs) == 2
    assert len(stored.rows) == 3 * len(bench_rows())
    (complaint,) = stored.complaints
    assert complaint.startswith(str(broken / "run.json"))


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    """That is for its user to tell."""
    stored = read_results(tmp_path / "missing")
    assert (stored.rows, stored.runs, stored.complaints) == ([], [], [])


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


def own(results: Path) -> Path:
    return results / "runs" / "box" / "one" / "measurements.jsonl"


def one_of_asvs(results: Path) -> Path:
    return min((results / "asv" / "box-00").glob("*-virtualenv-py3.11.json"))


def test_a_sound_folder_reads_as_everywhere(results: Path) -> None:
    """The same rows in the same order, with the same names and numbers."""
    folder = read_results(results)
    assert folder.complaints == []
    assert folder.rows == load_measurements(results)
    assert len(folder.rows) == 2 + 6 * OF_A_FILE


def test_a_file_is_complained_of_once_and_complaints_are_sorted(results: Path) -> None:
    for file in [own(results), *(results / "asv").glob("box-*/*-virtualenv-py3.11.json")]:
        file.write_text("\n" * 3)
    complaints = read_results(results).complaints
    assert len(complaints) == 7
    assert complaints == sorted(complaints)
    assert complaints[-1].startswith(f"{own(results)}, line 1: not a measurement")
    assert complaints[-1].endswith("(and 2 more in this file)")


@pytest.mark.parametrize(
    ("content", "complaint", "rows"),
    [
        ("[" * 100_000, "none of asv's results can be read", 2),
        ('{"bad": {"param_names": 1}}', "at `$.param_names`", 2),
        (None, "at `$.param_names`", 2 + 6 * OF_A_FILE),
    ],
    ids=["no list", "a list of one broken entry", "a broken entry among others"],
)
def test_a_broken_list_of_benchmarks_is_reported_with_what_it_costs(
    results: Path, content: str | None, complaint: str, rows: int
) -> None:
    file = results / "asv" / "benchmarks.json"
    whole = json.dumps({**json.loads(file.read_text()), "bad": {"param_names": 1}})
    file.write_text(whole if content is None else content)
    folder = read_results(results)
    assert len(folder.rows) == rows
    (line,) = folder.complaints
    assert line.startswith(f"{file}: not ")
    assert line.endswith(complaint)


@pytest.mark.parametrize("name", ["runs", "runs/box/one/measurements.jsonl", "asv", "asv/loop"])
def test_a_link_to_itself_is_reported(results: Path, name: str) -> None:
    path = results / name
    if path.exists():
        path.rename(results / "moved")
    path.symlink_to(path)
    folder = read_results(results)
    assert [line.startswith(f"{path}: cannot be read") for line in folder.complaints] == [True]
    assert folder.rows


def test_a_link_to_a_folder_above_ends(results: Path) -> None:
    (results / "runs" / "box" / "up").symlink_to(results)
    (results / "asv" / "up").symlink_to(results)
    assert len(read_results(results).rows) == 2 + 6 * OF_A_FILE


def test_what_is_no_file_is_not_waited_for(results: Path) -> None:
    """A pipe has no end; a folder no content."""
    file = one_of_asvs(results)
    file.unlink()
    os.mkfifo(file)
    own(results).unlink()
    own(results).mkdir()
    folder = read_results(results)
    assert len(folder.rows) == 5 * OF_A_FILE
    assert [line.endswith("no ordinary file; move it away") for line in folder.complaints] == [
        True,
        True,
    ]


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
