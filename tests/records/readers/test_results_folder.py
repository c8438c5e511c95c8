from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.records.readers.results_folder import read_results_folder
from perceptron.records.readers.table import load_measurements
from tests.conftest import MakeRow
from tests.plenty import plenty

DEEP = "[" * 100_000
LONG = "x" * 10_000


@pytest.fixture
def results(tmp_path: Path, row: MakeRow) -> Path:
    """Write a run of ours of two rows, and three commits on two machines of asv's: 74 rows."""
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


def edit(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_sound_folder_reads_as_everywhere(results: Path) -> None:
    """The same rows in the same order, with the same names and numbers."""
    folder = read_results_folder(results)
    assert folder.complaints == []
    assert folder.rows == load_measurements(results)
    assert len(folder.rows) == 74


def test_a_row_of_asvs_says_when_its_commit_was_made(results: Path) -> None:
    """Not only when it was measured; our own rows do not know."""
    rows = read_results_folder(results).rows
    committed = {row.committed for row in rows if row.source == "asv"}
    assert committed == {f"2020-09-13T{hour}:26:40Z" for hour in (12, 14, 16)}
    assert {row.committed for row in rows if row.source != "asv"} == {None}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "not asv's JSON"),
        (DEEP, "not asv's JSON: maximum recursion depth"),
        ('{"a":' * 100_000, "not asv's JSON"),
        ('{"commit_hash": "a", "commit_hash": 1, "params": {}, "results": {}}', "commit_hash"),
        ("\x1b[2J", "not asv's JSON"),
        ('{"version": ' + "9" * 5000 + "}", "not asv's JSON"),
        (json.dumps({"commit_hash": "a", "params": {}, "results": {"time_x": [1]}}), "version"),
        (
            json.dumps(
                {
                    "commit_hash": "a",
                    "params": {},
                    "version": 2,
                    "result_columns": ["result"],
                    "results": {f"time_\x1b\n{LONG}": [1]},
                }
            ),
            "benchmark time_\ufffd xxx",
        ),
    ],
    ids=["empty", "deep", "deep too", "twice", "escape", "digits", "short", "bad name"],
)
def test_a_broken_file_is_one_line_and_hides_nothing_else(
    results: Path, content: str, complaint: str
) -> None:
    """The line names the file; the rows of every other file are there."""
    file = one_of_asvs(results)
    file.write_text(content)
    folder = read_results_folder(results)
    assert len(folder.rows) == 74 - 12
    (line,) = folder.complaints
    assert line.startswith(str(file))
    assert complaint in line
    assert line.isprintable()
    assert len(line) <= 400


@pytest.mark.parametrize("content", ["", "NaN", DEEP, '{"a":' * 100_000, "\x1b", "\0"])
def test_a_broken_line_of_ours_hides_no_other(results: Path, content: str) -> None:
    file = own(results)
    file.write_text(f"{content}\n" * 3 + file.read_text())
    folder = read_results_folder(results)
    assert len(folder.rows) == 74
    (line,) = folder.complaints
    assert line.startswith(f"{file}, line 1: not a measurement")
    assert line.endswith("(and 2 more in this file)")


@pytest.mark.parametrize(
    "seconds", ["NaN", "Infinity", "-1.0", "0", "1e308", "1e999", '"1"', "true", "[[]]", "{}"]
)
def test_a_value_that_is_no_time_is_a_row_without_one(results: Path, seconds: str) -> None:
    """And never a number that a page could draw; 1e308 is a time, if a long one."""
    text = json.dumps(
        {
            "commit_hash": "a",
            "params": {"machine": "box"},
            "version": 2,
            "result_columns": ["result", "params", "stats_q_25", "samples", "started_at"],
            "results": {"train.MlpWidth.time_train": ["HERE", [["2"], ["'np'"]], "HERE", "HERE"]},
        }
    )
    one_of_asvs(results).write_text(text.replace('"HERE"', f"[{seconds}]"))
    folder = read_results_folder(results)
    assert folder.complaints == []
    (row,) = [row for row in folder.rows if row.backend == "np"]
    assert row.seconds == (1e308 if seconds == "1e308" else None)


@pytest.mark.parametrize("word", [f"'{LONG}'", "0x" + "f" * 5000, "'\x1b[2J'", f"[{LONG}"])
def test_names_are_text_that_every_page_takes(results: Path, word: str) -> None:
    edit(
        one_of_asvs(results),
        results={"train.MlpWidth.time_train": [[1.0], [["2"], [word]]]},
        env_name="\x1b",
        commit_hash="\x1b",
    )
    folder = read_results_folder(results)
    assert folder.complaints == []
    assert len(folder.rows) == 74 - 11
    for row in folder.rows:
        assert f"{row.backend}{row.family}{row.commit}{row.environment}".isprintable()


def test_a_broken_list_of_benchmarks_is_reported_with_what_it_costs(results: Path) -> None:
    (results / "asv" / "benchmarks.json").write_text(DEEP)
    folder = read_results_folder(results)
    assert len(folder.rows) == 2
    (line,) = folder.complaints
    assert "benchmarks.json: not asv's JSON" in line
    assert line.endswith("none of asv's results can be read")


def test_a_broken_entry_of_the_list_hides_no_other(results: Path) -> None:
    edit(results / "asv" / "benchmarks.json", bad={"param_names": 1})
    folder = read_results_folder(results)
    assert len(folder.rows) == 74
    assert len(folder.complaints) == 1


@pytest.mark.parametrize("name", ["runs", "runs/box/one/measurements.jsonl", "asv", "asv/loop"])
def test_a_link_to_itself_is_reported(results: Path, name: str) -> None:
    path = results / name
    if path.exists():
        path.rename(results / "moved")
    path.symlink_to(path)
    folder = read_results_folder(results)
    assert [line.startswith(f"{path}: cannot be read") for line in folder.complaints] == [True]
    assert folder.rows


def test_a_link_to_a_folder_above_ends(results: Path) -> None:
    (results / "runs" / "box" / "up").symlink_to(results)
    (results / "asv" / "up").symlink_to(results)
    assert len(read_results_folder(results).rows) == 74


def test_what_is_no_file_is_not_waited_for(results: Path) -> None:
    """A pipe has no end; a folder no content."""
    file = one_of_asvs(results)
    file.unlink()
    os.mkfifo(file)
    own(results).unlink()
    own(results).mkdir()
    folder = read_results_folder(results)
    assert len(folder.rows) == 72 - 12
    assert [line.endswith("no ordinary file; move it away") for line in folder.complaints] == [
        True,
        True,
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions: the superuser may read everything")
@pytest.mark.parametrize("name", ["runs", "runs/box/one", "asv/box-00", "asv/benchmarks.json"])
def test_what_may_not_be_read_is_reported(results: Path, name: str) -> None:
    (results / name).chmod(0)
    try:
        folder = read_results_folder(results)
    finally:
        (results / name).chmod(0o755)
    (line,) = folder.complaints
    assert line.startswith(f"{results / name}: cannot be read: Permission denied")


def test_a_folder_without_results_has_no_rows(tmp_path: Path) -> None:
    """Nor has one that is not there: that is for its user to tell."""
    folder = read_results_folder(tmp_path / "nowhere")
    assert (folder.rows, folder.complaints) == ([], [])


def test_complaints_are_sorted(results: Path) -> None:
    for file in [own(results), *(results / "asv").glob("box-*/*-virtualenv-py3.11.json")]:
        file.write_text("\n")
    complaints = read_results_folder(results).complaints
    assert len(complaints) == 7
    assert complaints == sorted(complaints)
