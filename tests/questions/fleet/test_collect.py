"""Runs of many machines come together in one folder, as often and from wherever they are copied."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.questions.fleet.collect import collect
from perceptron.records.environment import Environment, Gpu, facts_of
from perceptron.records.files.lock import open_locked
from perceptron.records.fleet import CollectedRun
from perceptron.records.readers.stored_runs import read_results
from perceptron.records.store import ROWS, load_conditions, load_plan, load_run
from tests.made import BENCH, FACTS, SOUND, bench_rows, keep

MADE = bench_rows()
OTHER = replace(FACTS, cpu="Abacus 5000")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def run_of(results: Path, rows: int = 3, **fields: Any) -> Path:
    return keep(results, BENCH, MADE[:rows], **fields)


def merge(source: Path, home: Path) -> CollectedRun:
    """Collect a folder that holds one run, of which nothing is wrong."""
    collected = collect(home, [source])
    assert collected.errors == []
    (run,) = collected.runs
    return run


def lines(run: CollectedRun) -> list[bytes]:
    return (Path(run.folder) / ROWS).read_bytes().splitlines(keepends=True)


def test_collect_separates_machines_by_facts(tmp_path: Path) -> None:
    """Two that claim one are told apart by their facts; collecting again changes no byte."""
    home, sources = tmp_path / "home", [tmp_path / name for name in ("one", "two", "three")]
    run_of(sources[0])
    run_of(sources[1], facts=OTHER)
    run_of(sources[2], machine="other", folder="other")
    collected = collect(home, sources)
    machines = [run.machine for run in collected.runs]
    assert machines == ["box", f"box-{facts_of(OTHER).digest}", "other"]
    read = read_results(home)
    counted = {name: sum(row.machine == name for row in read.rows) for name in machines}
    assert counted == dict.fromkeys(machines, 3)
    assert (read.errors, collected.errors) == ([], [])
    files = files_of(home)
    again = collect(home, [*reversed(sources), home])
    assert [run.added for run in again.runs] == [0] * 6
    assert files_of(home) == files


def test_collect_names_unusable_runs_and_keeps_others(tmp_path: Path) -> None:
    """A run without its facts, damaged, or with a name that leads elsewhere."""
    source = tmp_path / "copied"
    good = run_of(source)
    for index, machine in enumerate(("bare", "damaged", "astray")):
        run_of(source, machine=machine, folder=f"m{index}")
    (source / "runs" / "m0" / f"environment-{FACTS.id}.json").unlink()
    (source / "runs" / "m1" / good.name / "run.json").write_text("{")
    astray = source / "runs" / "m2" / good.name / "run.json"
    plan = msgspec.json.decode(astray.read_bytes())
    astray.write_bytes(msgspec.json.encode(plan | {"machine": "../../astray"}))
    collected = collect(tmp_path / "home", [source])
    assert [run.machine for run in collected.runs] == ["box"]
    assert len(collected.errors) == 3
    for name in (f"environment-{FACTS.id}.json", "m1", "m2"):
        assert any(name in complaint for complaint in collected.errors), name
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
def test_collect_follows_no_links(tmp_path: Path, linked: str) -> None:
    """It may lead to any file of this machine, and what is collected is shown to others."""
    source = tmp_path / "copied"
    run_of(source)
    run_of(source, machine="other", folder="other")
    link, secret = source / linked, tmp_path / "secret"
    if link.exists():
        link.rename(secret)
    else:
        secret.write_text("secret")
    link.symlink_to(secret)
    collected = collect(tmp_path / "home", [source])
    (complaint,) = collected.errors
    assert complaint.startswith(f"{link}: a link")
    assert [run.machine for run in collected.runs] == ["other"]
    assert {path.name for path in (tmp_path / "home" / "runs").iterdir()} == {"other"}


def test_collect_writes_through_no_links(tmp_path: Path) -> None:
    source, outside = tmp_path / "copied", tmp_path / "outside"
    run = run_of(source)
    outside.mkdir()
    link = tmp_path / "home" / run.relative_to(source)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    (complaint,) = collect(tmp_path / "home", [source]).errors
    assert complaint.startswith(f"{link}: a link")
    assert not list(outside.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions: the superuser may read everything")
def test_collect_names_unreadable_machine(tmp_path: Path) -> None:
    source = tmp_path / "copied"
    for name in ("box", "closed"):
        run_of(source, machine=name, folder=name)
    closed = source / "runs" / "closed"
    closed.chmod(0)
    try:
        collected = collect(tmp_path / "home", [source])
    finally:
        closed.chmod(0o755)
    assert collected.errors == [f"{closed}: cannot be read: Permission denied"]
    assert [run.machine for run in collected.runs] == ["box"]


@pytest.mark.parametrize(
    ("facts", "is_same"),
    [
        (replace(FACTS, python="CPython 3.13", libraries={}, pools=[], variables={"A": "1"}), True),
        (replace(FACTS, memory_bytes=FACTS.memory_bytes - 2**26), True),  # a kernel's own
        (replace(FACTS, cpu="Abacus 5000"), False),
        (replace(FACTS, architecture="aarch64"), False),
        (replace(FACTS, cores=4), False),
        (replace(FACTS, memory_bytes=2 * FACTS.memory_bytes), False),
        (replace(FACTS, gpus=[Gpu(name="Slide Rule")]), False),
    ],
)
def test_collect_other_hardware_is_another_machine(
    tmp_path: Path, facts: Environment, is_same: bool
) -> None:
    """It is found again under its second name, though its memory is not the same to the byte."""
    merge(run_of(tmp_path / "first"), tmp_path / "home")
    name = "box" if is_same else f"box-{facts_of(facts).digest}"
    later = replace(facts, memory_bytes=facts.memory_bytes - 4096)
    for day, facts_of_day in enumerate((facts, later), start=2):
        started = f"2026-01-0{day}T00:00:00Z"
        source = run_of(tmp_path / f"{day}", facts=facts_of_day, started=started)
        assert merge(source, tmp_path / "home").machine == name


def test_collect_merges_growing_run(tmp_path: Path) -> None:
    """A last line that is being written waits; a resumed run is the same; a finished one is so."""
    source, home = run_of(tmp_path / "job", finished=False), tmp_path / "home"
    whole = (source / ROWS).read_bytes()
    first = whole.splitlines(keepends=True)[0]
    for written, rows, added in ((b"", 0, 0), (first[:9], 0, 0), (first + b'{"so', 1, 1)):
        (source / ROWS).write_bytes(written)
        merged = merge(source, home)
        assert (merged.rows, merged.added) == (rows, added)
    (source / ROWS).write_bytes(whole)
    resumed = replace(load_plan(source), started="2026-01-02T00:00:00Z", spent_seconds=9.0)
    (source / "run.json").write_bytes(msgspec.json.encode(resumed))
    (source / "conditions-2026-01-02T000000Z.json").write_bytes(msgspec.json.encode(SOUND))
    assert merge(source, home) == replace(merged, rows=3, added=2)
    copy = Path(merged.folder)
    assert load_plan(copy) == resumed
    assert load_conditions(copy) == [SOUND]
    finished = replace(resumed, finished="2026-01-02T00:01:00Z")
    (source / "run.json").write_bytes(msgspec.json.encode(finished))
    assert merge(source, home).added == 0
    assert load_plan(copy) == finished
    assert lines(merged) == whole.splitlines(keepends=True)


def test_collect_older_or_truncated_copy_removes_no_rows(tmp_path: Path) -> None:
    source, home = run_of(tmp_path / "job"), tmp_path / "home"
    merged = merge(source, home)
    files = files_of(home)
    old = run_of(tmp_path / "old", rows=1, finished=False)
    assert merge(old, home) == replace(merged, added=0)
    assert files_of(home) == files
    (Path(merged.folder) / ROWS).write_bytes(b"".join(lines(merged))[:-5])
    assert merge(source, home).added == 1
    assert files_of(home) == files


def test_collect_leaves_diverged_runs_unchanged(tmp_path: Path) -> None:
    """Also another run that began in the same second."""
    one, two, home = run_of(tmp_path / "one"), run_of(tmp_path / "two"), tmp_path / "home"
    rows = [replace(row, repeat=row.repeat + 50) for row in MADE[:3]]
    (two / ROWS).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    before = lines(merge(one, home))
    collected = collect(home, [two])
    (complaint,) = collected.errors
    assert f"has other rows than {two}: move one of them" in complaint
    assert collected.runs == []
    assert (home / two.relative_to(tmp_path / "two") / ROWS).read_bytes() == b"".join(before)


def test_rows_and_folder_of_a_machine_that_is_renamed_agree(tmp_path: Path) -> None:
    """Nothing else of a row changes, and merging again finds the same run; damage is kept."""
    home = tmp_path / "home"
    merge(run_of(tmp_path / "box"), home)
    source = run_of(tmp_path / "job", facts=OTHER)
    with (source / ROWS).open("ab") as file:
        file.write(b"no row\n")
    name = f"box-{facts_of(OTHER).digest}"
    for added in (4, 0):
        merged = merge(source, home)
        assert (merged.machine, merged.rows, merged.added) == (name, 4, added)
    complaints: list[str] = []
    run, _, rows = load_run(Path(merged.folder), complaints.append)
    assert run.machine == Path(merged.folder).parent.name == name
    _, _, before = load_run(source, lambda _: None)
    assert rows == [replace(row, machine=name) for row in before]
    assert len(complaints) == 1


def test_collect_leaves_run_being_measured(tmp_path: Path) -> None:
    source, home = run_of(tmp_path / "job"), tmp_path / "home"
    stream = open_locked(Path(merge(source, home).folder) / ROWS)
    assert stream is not None
    with stream:
        (complaint,) = collect(home, [source]).errors
    assert "measures there now: collect again" in complaint
