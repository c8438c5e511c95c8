"""Runs of many machines come together in one folder, as often and from wherever they are copied."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.questions.fleet.collect import ROWS, collect, merge_run, name_by_facts, run_folders
from perceptron.records.environment import Gpu, facts_of
from perceptron.records.files.lock import open_locked
from perceptron.records.fleet import CollectedRun
from perceptron.records.readers.stored_runs import read_results
from perceptron.records.store import load_conditions, load_plan, load_run
from tests.made import BENCH, FACTS, SOUND, bench_rows, keep

OTHER = replace(FACTS, cpu="Abacus 5000")


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Results of three machines, two of which claim one name."""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    keep(folders[0], BENCH, bench_rows())
    keep(folders[1], BENCH, bench_rows(), facts=OTHER)
    keep(folders[2], BENCH, bench_rows(), machine="other", folder="other")
    return folders


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_every_machine_stands_under_its_own_name(sources: list[Path], tmp_path: Path) -> None:
    """Two that claim one are told apart by their facts; equal machines of other names stay two."""
    collected = collect(tmp_path / "home", sources)
    machines = [run.machine for run in collected.runs]
    assert machines[0] == "box"
    assert machines[1].startswith("box-")
    assert machines[2] == "other"
    read = read_results(tmp_path / "home")
    rows = len(bench_rows())
    counted = {name: sum(row.machine == name for row in read.rows) for name in machines}
    assert counted == dict.fromkeys(machines, rows)
    assert (read.complaints, collected.complaints) == ([], [])


def test_collecting_again_changes_no_byte(sources: list[Path], tmp_path: Path) -> None:
    """In any order, from what was collected before, too."""
    home = tmp_path / "home"
    collect(home, sources)
    files = files_of(home)
    again = collect(home, [*reversed(sources), home])
    assert [run.added for run in again.runs] == [0] * 6
    assert files_of(home) == files


@pytest.mark.parametrize("below", ["", "runs", "runs/box", "runs/box/2026-01-01T000000Z"])
def test_whatever_folder_was_copied_its_runs_are_found(tmp_path: Path, below: str) -> None:
    run = keep(tmp_path / "copied", BENCH, bench_rows())
    assert list(run_folders(tmp_path / "copied" / below)) == [run]


def test_what_cannot_be_taken_is_named_and_hides_nothing(tmp_path: Path) -> None:
    """A run without its facts, damaged, or with a name that leads elsewhere."""
    source = tmp_path / "copied"
    good = keep(source, BENCH, bench_rows())
    for index, machine in enumerate(("bare", "damaged", "astray")):
        keep(source, BENCH, bench_rows(), machine=machine, folder=f"m{index}")
    (source / "runs" / "m0" / f"environment-{FACTS.id}.json").unlink()
    (source / "runs" / "m1" / good.name / "run.json").write_text("{")
    astray = source / "runs" / "m2" / good.name / "run.json"
    plan = msgspec.json.decode(astray.read_bytes())
    astray.write_bytes(msgspec.json.encode(plan | {"machine": "../../astray"}))
    collected = collect(tmp_path / "home", [source])
    assert [run.machine for run in collected.runs] == ["box"]
    assert len(collected.complaints) == 3
    for name in (f"environment-{FACTS.id}.json", "m1", "m2"):
        assert any(name in complaint for complaint in collected.complaints), name
    assert {path.name for path in (tmp_path / "home" / "runs").iterdir()} == {"box"}
    assert not list(tmp_path.glob("**/astray*"))


@pytest.mark.parametrize(
    "linked",
    [
        "runs/box",
        "runs/box/2026-01-01T000000Z",
        "runs/box/2026-01-01T000000Z/measurements.jsonl",
        "runs/box/2026-01-01T000000Z/conditions-1.json",
        f"runs/box/environment-{FACTS.id}.json",
    ],
)
def test_no_link_is_followed(tmp_path: Path, linked: str) -> None:
    """It may lead to any file of this machine, and what is collected is shown to others."""
    source = tmp_path / "copied"
    keep(source, BENCH, bench_rows())
    keep(source, BENCH, bench_rows(), machine="other", folder="other")
    link, secret = source / linked, tmp_path / "secret"
    if link.exists():
        link.rename(secret)
    else:
        secret.write_text("secret")
    link.symlink_to(secret)
    collected = collect(tmp_path / "home", [source])
    (complaint,) = collected.complaints
    assert complaint.startswith(f"{link}: a link")
    assert [run.machine for run in collected.runs] == ["other"]
    assert {path.name for path in (tmp_path / "home" / "runs").iterdir()} == {"other"}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    source, outside = tmp_path / "copied", tmp_path / "outside"
    run = keep(source, BENCH, bench_rows())
    outside.mkdir()
    link = tmp_path / "home" / run.relative_to(source)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    collected = collect(tmp_path / "home", [source])
    (complaint,) = collected.complaints
    assert complaint.startswith(f"{link}: a link")
    assert not list(outside.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions: the superuser may read everything")
def test_a_machine_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    source = tmp_path / "copied"
    for name in ("box", "closed"):
        keep(source, BENCH, bench_rows(), machine=name, folder=name)
    closed = source / "runs" / "closed"
    closed.chmod(0)
    try:
        collected = collect(tmp_path / "home", [source])
    finally:
        closed.chmod(0o755)
    assert collected.complaints == [f"{closed}: cannot be read: Permission denied"]
    assert [run.machine for run in collected.runs] == ["box"]


OTHERS = {
    "cpu": replace(FACTS, cpu="Abacus 5000"),
    "architecture": replace(FACTS, architecture="aarch64"),
    "cores": replace(FACTS, cores=4),
    "memory": replace(FACTS, memory_bytes=2 * FACTS.memory_bytes),
    "gpus": replace(FACTS, gpus=[Gpu(name="Slide Rule")]),
}
SAME = {
    "python": replace(FACTS, python="CPython 3.13"),
    "libraries": replace(FACTS, libraries={"numpy": "3.0"}),
    "pools": replace(FACTS, pools=[]),
    "variables": replace(FACTS, variables={"OMP_NUM_THREADS": "1"}),
    "a kernel's memory": replace(FACTS, memory_bytes=FACTS.memory_bytes - 2**26),
    "driver": replace(FACTS, gpus=[]),
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One run of a machine called box."""
    keep(tmp_path, BENCH, bench_rows())
    return tmp_path / "runs"


def test_other_hardware_is_another_machine_and_other_software_is_not(runs: Path) -> None:
    for what, same in SAME.items():
        assert name_by_facts(runs, "box", facts_of(same)) == "box", what
    for what, other in OTHERS.items():
        facts = facts_of(other)
        assert name_by_facts(runs, "box", facts) == f"box-{facts.digest}", what
        assert len(facts.digest) == 6


def test_it_is_found_again_under_its_second_name(runs: Path) -> None:
    """Though its memory is not the same to the byte: the name has the first time's digest."""
    other = OTHERS["cpu"]
    name = name_by_facts(runs, "box", facts_of(other))
    keep(runs.parent, BENCH, bench_rows(), folder=name, machine=name, facts=other)
    later = replace(other, memory_bytes=other.memory_bytes - 4096)
    assert facts_of(later).digest != facts_of(other).digest
    assert name_by_facts(runs, "box", facts_of(later)) == name


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
