from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path

import msgspec
import pytest

import perceptron
from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment, ThreadPool
from perceptron.records.run import Run
from perceptron.records.store import (
    RunJournal,
    load_conditions,
    load_environment_file,
    load_plan,
    load_run,
    open_run,
    read_rows,
    stored_environment,
)
from tests.conftest import MakeRow

LATER = "2026-01-02T00:00:00Z"
Start = Callable[..., AbstractContextManager[RunJournal]]


@pytest.fixture
def start(tmp_path: Path, environment: Environment) -> Start:
    """Start the run, with changes, as a command does."""
    run = Run(
        plan={"study": "bench", "backends": ["numpy"]},
        machine="box",
        environment=environment.id,
        commit="abc",
        started="2026-01-01T00:00:00Z",
    )
    return lambda **changes: open_run(
        tmp_path, msgspec.structs.replace(run, **changes), environment
    )


def test_journal_writes_row_at_once(start: Start, row: MakeRow) -> None:
    """Before the next is measured, and before the run is finished."""
    with start() as journal:
        for size in (1, 2, 3):
            journal.append(row(size=size, samples=[1e-6, 2e-6], seconds=1e-6))
            on_disk = list(read_rows(journal.folder / "measurements.jsonl"))
            assert on_disk == journal.times
            assert len(on_disk) == size


def test_journal_resumes_unfinished_run(start: Start, row: MakeRow) -> None:
    """Same plan, ground and commit: the rows are there again, in the same folder."""
    with start() as journal:
        journal.append(row())
    with start(started=LATER) as resumed:
        assert resumed.rows == [row()]
        assert resumed.folder == journal.folder


def test_journal_ignores_order_of_thread_pools(environment: Environment) -> None:
    """It changes from process to process: a killed run would be begun anew. Stored facts too."""
    pools = [*environment.pools, ThreadPool(library="openmp"), ThreadPool(library="mkl")]
    there = msgspec.structs.replace(environment, pools=pools)
    back = msgspec.structs.replace(environment, pools=pools[::-1])
    assert there == back
    assert there.id == back.id != environment.id
    facts = msgspec.to_builtins(there)
    stored = msgspec.json.encode(facts | {"pools": facts["pools"][::-1]})
    assert msgspec.json.decode(stored, type=Environment).id == there.id


def test_memory_that_grows_makes_no_other_environment(
    start: Start, environment: Environment
) -> None:
    """A virtual machine's does when it is needed: the next call must resume the same run."""
    with start() as journal:
        machine = journal.folder.parent
    grown = msgspec.structs.replace(environment, memory_bytes=2**40)
    assert stored_environment(machine, grown) == environment
    other = msgspec.structs.replace(grown, cores=environment.cores + 1)
    assert stored_environment(machine, other) == other


def test_facts_of_record_lie_under_their_id(results_of_record: Path) -> None:
    """Once each: rows of equal facts are judged together."""
    files = list(results_of_record.glob("runs/*/environment-*.json"))
    assert [f"environment-{load_environment_file(file).id}.json" for file in files] == [
        file.name for file in files
    ]
    for run in results_of_record.glob("runs/*/*/run.json"):
        identity = load_plan(run.parent).environment
        assert (run.parents[1] / f"environment-{identity}.json").exists()
        assert {row.environment for row in load_run(run.parent)[2]} <= {identity}


@pytest.mark.parametrize(
    "change",
    [
        {"plan": {"study": "bench", "backends": ["torch-cpu"]}},
        {"commit": "def"},
        {"commit": None, "code": "0123456789ab"},
        {"machine": "bus"},
    ],
    ids=["plan", "commit", "code", "machine"],
)
def test_journal_other_work_is_another_run(
    start: Start, row: MakeRow, change: dict[str, object]
) -> None:
    """Rows of two revisions, plans or machines are never mixed in one run."""
    with start() as journal:
        journal.append(row())
    with start(**change) as other:
        assert other.rows == []
        assert other.folder != journal.folder


def test_journal_keeps_spent_time(start: Start) -> None:
    """Written down now and then, and at the end; a larger budget is still the same work."""
    with start(budget_seconds=100.0) as journal:
        file = journal.folder / "run.json"
        journal.note_spent(3.0)
        assert load_plan(journal.folder).spent_seconds is None
        journal.note_spent(6.0)
        written = file.stat().st_mtime_ns
        journal.note_spent(10.0)
        assert file.stat().st_mtime_ns == written
        assert load_plan(journal.folder).spent_seconds == 6.0
        journal.keep_spent(10.5)
    with start(budget_seconds=200.0, started=LATER) as resumed:
        assert resumed.folder == journal.folder
        assert resumed.spent_seconds == 10.5
        resumed.finish(50.0)
    stored = load_plan(journal.folder)
    assert (stored.budget_seconds, stored.spent_seconds, stored.cut_short) == (200.0, 50.0, False)


@pytest.mark.parametrize(
    ("cut_short", "budget", "resumes"),
    [(True, 200.0, True), (True, 100.0, False), (True, 50.0, False), (False, 200.0, False)],
)
def test_journal_larger_budget_resumes_cut_short_run(
    start: Start, row: MakeRow, cut_short: bool, budget: float, resumes: bool
) -> None:
    """The same one measures again, as after every finished run."""
    with start(budget_seconds=100.0) as first:
        first.append(row())
        first.finish(101.0, cut_short)
    with start(budget_seconds=budget) as second:
        assert (second.folder == first.folder) is resumes
        assert second.spent_seconds == (101.0 if resumes else 0.0)


def test_journal_refuses_run_of_another_format(start: Start, row: MakeRow) -> None:
    """Its rows may say something else than this one's would."""
    with start() as journal:
        journal.append(row())
        file = journal.folder / "run.json"
    file.write_bytes(file.read_bytes().replace(b'"format": 3', b'"format": 2'))
    with pytest.raises(UserError, match=r"run\.json: not what a run writes: .*format"):
        load_plan(journal.folder)
    with start() as later:
        assert later.folder != journal.folder


@pytest.mark.parametrize("linked", [".", "run.json", "measurements.jsonl"])
def test_journal_resumes_no_run_through_link(
    start: Start, row: MakeRow, tmp_path: Path, linked: str
) -> None:
    """What it leads to may be another's: it stays as it is, and a new run begins."""
    with start() as journal:
        journal.append(row())
    here, elsewhere = journal.folder / linked, tmp_path / "elsewhere"
    here.rename(elsewhere)
    here.symlink_to(elsewhere)
    files = [elsewhere] if elsewhere.is_file() else sorted(elsewhere.iterdir())
    before = [file.read_bytes() for file in files]
    with start() as again:
        again.append(row(size=2))
        again.finish()
    assert again.folder != journal.folder
    assert [file.read_bytes() for file in files] == before


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
def test_journal_skips_pipe_in_place_of_rows(start: Start, row: MakeRow) -> None:
    """It would be waited for without end."""
    with start() as journal:
        journal.append(row())
    file = journal.folder / "measurements.jsonl"
    file.unlink()
    os.mkfifo(file)
    with start() as again:
        assert again.folder != journal.folder


def test_journal_drops_partial_last_line(start: Start, row: MakeRow) -> None:
    """Killed while writing: every whole row is kept, and the file is sound again."""
    with start() as journal:
        journal.append(row(size=1))
        journal.append(row(size=2))
    file = journal.folder / "measurements.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    with start() as resumed:
        assert [row.size for row in resumed.rows] == [1]
        resumed.append(row(size=3))
    assert [row.size for row in read_rows(file)] == [1, 3]


def test_journal_concurrent_runs_have_separate_files(
    start: Start, tmp_path: Path, row: MakeRow
) -> None:
    """The second one starts its own, though the first looks unfinished."""
    with start() as one, start() as two:
        assert one.folder != two.folder
        one.append(row(size=1))
        two.append(row(size=2))
    assert sorted(perceptron.load_results(tmp_path)["size"]) == [1, 2]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"kind": "time", "source": "x", "machine": 3}', ".*machine"),
        (b'{"kind": "time", "source": "\xff\xfe"}', ""),
        (
            b'{"kind":"time","source":"x","machine":"m","when":"","family":"f","size":1,"backend":"b",'
            b'"sizes":[0,2]}',
            ".*sizes",
        ),
    ],
    ids=["type", "no text", "no size"],
)
def test_journal_invalid_line_is_named(tmp_path: Path, line: bytes, complaint: str) -> None:
    """File, line and field: somebody has to fix it."""
    file = tmp_path / "measurements.jsonl"
    file.write_bytes(line + b"\n")
    match = rf"measurements\.jsonl, line 1: not a measurement: {complaint}"
    with pytest.raises(UserError, match=match):
        list(read_rows(file))


def test_journal_full_disk_is_one_error(start: Start, row: MakeRow) -> None:
    """The device that is always full stands in for the disk."""
    with start() as journal:
        journal.append(row(size=1))
        kept = journal._lines
        with FileIO("/dev/full", "a") as full:
            journal._lines = full
            with pytest.raises(UserError, match="cannot write results: No space left on device"):
                journal.append(row(size=2))
        journal._lines = kept
    assert [row.size for row in read_rows(journal.folder / "measurements.jsonl")] == [1]


def test_fields_of_a_newer_version_are_passed_over(tmp_path: Path, row: MakeRow) -> None:
    """An older suite reads what a newer one wrote."""
    file = tmp_path / "measurements.jsonl"
    known = msgspec.json.decode(msgspec.json.encode(row()))
    file.write_bytes(msgspec.json.encode(known | {"joules": 3.0}) + b"\n")
    assert list(read_rows(file)) == [row()]


def test_journal_unusable_folder_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with (
        pytest.raises(UserError, match=r"cannot write results: .*; choose another --results"),
        start(),
    ):
        pass


def test_journal_keeps_conditions_of_each_start(start: Start) -> None:
    """The first in conditions.json, a resumed run's beside it; the newest is read first."""
    first, second = Conditions(load=1.0), Conditions(load=2.0)
    with start() as journal:
        journal.keep_conditions(first)
        assert load_conditions(journal.folder) == [first]
    with start(started=LATER) as resumed:
        resumed.keep_conditions(second)
    files = {
        file.name: msgspec.json.decode(file.read_bytes(), type=Conditions)
        for file in journal.folder.glob("conditions*.json")
    }
    assert files == {"conditions.json": first, "conditions-2026-01-02T000000Z.json": second}
    assert load_conditions(journal.folder) == [second, first]


def test_journal_without_conditions_has_none(tmp_path: Path) -> None:
    """They are not known, which is no error; a file that is damaged is one."""
    assert load_conditions(tmp_path) == []
    (tmp_path / "conditions.json").write_text('{"load": "much"}')
    with pytest.raises(UserError, match=r"conditions\.json: not what a run writes: .*load"):
        load_conditions(tmp_path)


@pytest.mark.parametrize("size", [10**400, -1])
def test_journal_environment_of_impossible_size_is_named(
    tmp_path: Path, environment: Environment, size: int
) -> None:
    """No page could show it."""
    file = tmp_path / "environment-1.json"
    known = msgspec.json.decode(msgspec.json.encode(environment))
    file.write_text(json.dumps(known | {"memory_bytes": size}))
    with pytest.raises(UserError, match=r"environment-1.json: not what a run writes: no machine"):
        load_environment_file(file)
