"""Runs of many machines come together in one folder, as often and from wherever they are copied."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.records.environment import Gpu, facts_of
from perceptron.records.readers.stored_runs import read_results
from perceptron.studies.fleet.collect import collect, name_by_facts, run_folders
from tests.made import BENCH, FACTS, bench_rows, keep

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
