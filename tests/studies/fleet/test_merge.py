"""Merging adds rows, each once, and never loses one, in whatever state the two copies are."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.files.lock import open_locked
from perceptron.records.fleet import CollectedRun
from perceptron.records.store import load_conditions, load_plan, load_run
from perceptron.studies.fleet.collect import ROWS, merge_run
from tests.made import BENCH, SOUND, bench_rows, keep

MADE = bench_rows()


def run_of(results: Path, rows: int = 3, finished: bool = True, **fields: object) -> Path:
    return keep(results, BENCH, MADE[:rows], finished=finished, **fields)  # type: ignore[arg-type]


def merge(source: Path, home: Path, machine: str = "box") -> CollectedRun:
    return merge_run(source, home / "runs", machine)


def lines(run: CollectedRun) -> list[bytes]:
    return (Path(run.folder) / ROWS).read_bytes().splitlines(keepends=True)


def test_a_run_that_grows_is_merged_as_it_comes(tmp_path: Path) -> None:
    """A last line that is being written waits for the next time; a finished run is finished."""
    source = run_of(tmp_path / "job", finished=False)
    whole = (source / ROWS).read_bytes()
    first = whole.splitlines(keepends=True)[0]
    for written, rows, added in ((b"", 0, 0), (first[:9], 0, 0), (first + b'{"so', 1, 1)):
        (source / ROWS).write_bytes(written)
        merged = merge(source, tmp_path / "home")
        assert (merged.rows, merged.added) == (rows, added)
    (source / ROWS).write_bytes(whole)
    merged = merge(source, tmp_path / "home")
    assert (merged.rows, merged.added) == (3, 2)
    assert load_plan(Path(merged.folder)).finished is None
    finished = msgspec.structs.replace(load_plan(source), finished="2026-01-01T00:01:00Z")
    (source / "run.json").write_bytes(msgspec.json.encode(finished))
    assert merge(source, tmp_path / "home").added == 0
    assert load_plan(Path(merged.folder)).finished == finished.finished
    assert lines(merged) == whole.splitlines(keepends=True)
    run, _, rows_read = load_run(Path(merged.folder))
    assert (run.machine, len(rows_read)) == ("box", 3)


def test_a_copy_that_was_cut_short_is_mended(tmp_path: Path) -> None:
    """Whoever wrote it was ended at that: the row is there once, and whole."""
    source = run_of(tmp_path / "job")
    merged = merge(source, tmp_path / "home")
    whole = b"".join(lines(merged))
    (Path(merged.folder) / ROWS).write_bytes(whole[:-5])
    assert merge(source, tmp_path / "home").added == 1
    assert b"".join(lines(merged)) == whole


def test_an_older_copy_takes_nothing_away(tmp_path: Path) -> None:
    """Neither its fewer rows nor that it was not finished then."""
    source = run_of(tmp_path / "job")
    merged = merge(source, tmp_path / "home")
    files = {file.name: file.read_bytes() for file in Path(merged.folder).iterdir()}
    old = run_of(tmp_path / "old", rows=1, finished=False)
    assert merge(old, tmp_path / "home") == msgspec.structs.replace(merged, added=0)
    assert {file.name: file.read_bytes() for file in Path(merged.folder).iterdir()} == files


def test_a_run_that_was_resumed_later_is_the_same_run(tmp_path: Path) -> None:
    """Its plan says when it was started last; its first row tells that it is one."""
    source = run_of(tmp_path / "job", finished=False)
    first = merge(source, tmp_path / "home")
    resumed = msgspec.structs.replace(
        load_plan(source), started="2026-01-02T00:00:00Z", spent_seconds=9.0
    )
    (source / "run.json").write_bytes(msgspec.json.encode(resumed))
    (source / "conditions-2026-01-02T000000Z.json").write_bytes(msgspec.json.encode(SOUND))
    assert merge(source, tmp_path / "home").folder == first.folder
    assert load_plan(Path(first.folder)).spent_seconds == 9.0
    assert load_conditions(Path(first.folder)) == [SOUND]


def test_what_grew_in_two_places_is_left_as_it_is_in_both(tmp_path: Path) -> None:
    """Also another run that began in the same second."""
    one = run_of(tmp_path / "one")
    two = run_of(tmp_path / "two")
    rows = [msgspec.structs.replace(row, repeat=row.repeat + 50) for row in MADE[:3]]
    (two / ROWS).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    merged = merge(one, tmp_path / "home")
    before = lines(merged)
    with pytest.raises(UserError, match=r"has other rows than .*two.*: move one of them"):
        merge(two, tmp_path / "home")
    assert lines(merged) == before


def test_rows_and_folder_of_a_machine_that_is_renamed_agree(tmp_path: Path) -> None:
    """Nothing else of a row changes, and merging again finds the same run; damage is kept."""
    source = run_of(tmp_path / "job")
    with (source / ROWS).open("ab") as file:
        file.write(b"no row\n")
    for added in (4, 0):
        merged = merge(source, tmp_path / "home", "box-123abc")
        assert (merged.machine, merged.rows, merged.added) == ("box-123abc", 4, added)
    complaints: list[str] = []
    run, _, rows = load_run(Path(merged.folder), complaints.append)
    assert run.machine == Path(merged.folder).parent.name == "box-123abc"
    _, _, before = load_run(source, lambda _: None)
    assert rows == [msgspec.structs.replace(row, machine="box-123abc") for row in before]
    assert len(complaints) == 1


def test_a_run_that_is_being_measured_here_is_left_alone(tmp_path: Path) -> None:
    source = run_of(tmp_path / "job")
    merged = merge(source, tmp_path / "home")
    stream = open_locked(Path(merged.folder) / ROWS)
    assert stream is not None
    with stream, pytest.raises(UserError, match="measures there now: collect again"):
        merge(source, tmp_path / "home")
