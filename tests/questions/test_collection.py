from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.answer import Answered
from perceptron.questions.answering import collect, judges
from perceptron.questions.collection import judge_results
from perceptron.records.conditions import Conditions
from perceptron.records.readers.stored_runs import LoadedRun, read_results
from tests.made import (
    BENCH,
    FACTS,
    LADDER,
    MAP,
    bench_rows,
    everything,
    keep,
    ladder_rows,
    map_rows,
)
from tests.plenty import plenty

ROWS = bench_rows()
EARLY, LATER, LATEST = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def when(results: Path) -> list[str]:
    """Return the starts of the runs whose main job is shown."""
    return [bench.run.rows[0].when for bench in collect(results).studies["bench"]]


def test_collection_judges_everything_in_folder(tmp_path: Path) -> None:
    """Ours and asv's: benches, maps, ladders, sweeps, machines, rows."""
    plenty(everything(tmp_path) / "asv", machines=2, commits=3)
    collection = collect(tmp_path)
    assert collection.errors == []
    assert len(collection.studies["bench"]) == 1
    studies = {study for study, answers in collection.studies.items() if len(answers) == 1}
    assert studies == {"bench", "map", "overhead", "race"}
    assert {(sweep.source, sweep.comparison_key.machine) for sweep in collection.sweeps} == {
        ("perceptron", "box"),
        ("asv", "box-00"),
        ("asv", "box-01"),
    }
    assert [machine.name for machine in collection.machines] == ["box", "box-01", "box-00"]
    assert collection.machines[0].sources == ["perceptron"]
    assert [answered.answer.data["problem"] for answered in collection.studies["race"]] == [
        "digits"
    ]
    assert collection.machines[0].runs == 4
    assert collection.machines[0].commits == 1
    assert sum(machine.rows for machine in collection.machines) == len(collection.rows)


def test_collection_shows_newest_run_of_each_machine(tmp_path: Path) -> None:
    """Whatever their folders are called."""
    keep(tmp_path, BENCH, ROWS, started=LATER, folder="z")
    keep(tmp_path, BENCH, ROWS, started=EARLY, folder="a")
    keep(tmp_path, BENCH, ROWS, started=LATEST, folder="m", machine="other")
    assert when(tmp_path) == [LATEST, LATER]
    assert [bench.run.run.machine for bench in collect(tmp_path).studies["bench"]] == [
        "other",
        "box",
    ]


def test_collection_cut_short_run_waits_for_its_end(tmp_path: Path) -> None:
    """Its rows are there, and an older run is judged."""
    keep(tmp_path, BENCH, ROWS, started=EARLY)
    keep(tmp_path, BENCH, ROWS, started=LATER, finished=False)
    collection = collect(tmp_path)
    assert when(tmp_path) == [EARLY]
    assert len(collection.rows) == 2 * len(ROWS)
    assert collection.machines[0].runs == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", "{}"),
        ("run.json", "["),
        ("run.json", '{"plan": {"study": "bench"}}'),
        ("measurements.jsonl", ""),
        ("measurements.jsonl", None),
        ("conditions.json", '{"load": "high"}'),
    ],
)
def test_collection_broken_run_is_one_error_and_hides_nothing(
    tmp_path: Path, name: str, content: str | None
) -> None:
    """The run before it is shown in its place, and its own rows are as far as they can be read."""
    keep(tmp_path, BENCH, ROWS, started=EARLY)
    keep(tmp_path, MAP, map_rows(), started=EARLY, folder="other")
    broken = keep(tmp_path, BENCH, ROWS, started=LATER)
    file = broken / name
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    collection = collect(tmp_path)
    assert [bench.run.rows[0].when for bench in collection.studies["bench"]] == [EARLY]
    assert len(collection.studies["map"]) == 1
    assert len(collection.errors) == 1
    assert collection.errors[0].startswith(str(broken))
    assert "\n" not in collection.errors[0]
    readable = 0 if name == "measurements.jsonl" else len(ROWS)
    assert len(collection.rows) == len(ROWS) + len(map_rows()) + readable


def test_collection_error_is_printable_for_any_folder_name(tmp_path: Path) -> None:
    """A complaint is a line of text all the same, and not a long one."""
    keep(tmp_path, BENCH, ROWS, folder="box\x1b[2J\u202e\n\udcff" + 100 * "é")
    for file in tmp_path.rglob("run.json"):
        file.write_text("{")
    (complaint,) = collect(tmp_path).errors
    assert complaint.isprintable()
    assert "run.json" in complaint


def test_collection_failing_judge_costs_its_run_only(tmp_path: Path) -> None:
    """Whatever a file holds that nobody thought of: the line names the run."""
    broken = keep(tmp_path, BENCH, ROWS, started=LATER)
    keep(tmp_path, MAP, map_rows(), started=EARLY, folder="other")

    def fail(run: LoadedRun) -> Answered:
        raise RuntimeError("an old\nvestige")

    known = judges()
    stored = read_results(tmp_path)
    collection = judge_results(
        stored, "box", {"bench": known["bench"]._replace(judge=fail), "map": known["map"]}
    )
    assert collection.errors == [f"{broken}: cannot be judged: RuntimeError: an old vestige"]
    assert len(collection.studies["map"]) == 1


@pytest.mark.parametrize(
    ("plan", "rows", "names"),
    [
        (MAP, map_rows(), [{"family": "other"}, {"dtype": "float64"}, {"threads": 1}]),
        (LADDER, ladder_rows(), [{"problem": "xor"}, {"threads": 1}]),
    ],
)
def test_maps_and_ladders_are_separated_by_what_they_are_of(
    tmp_path: Path, plan: dict[str, Any], rows: list[Any], names: list[dict[str, Any]]
) -> None:
    """Of equal ones the newest; the usual one, of the OR gate, stands first."""
    keep(tmp_path, plan, rows, started=EARLY)
    keep(tmp_path, plan, rows, started=LATER)
    for day, other in enumerate(names, start=3):
        keep(tmp_path, plan | other, rows, started=f"2026-01-0{day}T00:00:00Z")
    collection = collect(tmp_path)
    shown = collection.studies[plan["study"]]
    assert len(shown) == 1 + len(names)
    assert sorted(answered.run.run.started for answered in shown)[0] == LATER
    (changed,) = names[0]
    assert shown[0].run.run.plan[changed] == plan[changed]


def test_collection_machine_is_as_in_its_newest_run(tmp_path: Path) -> None:
    """Also where that run was not finished; asv tells nothing of the kind."""
    keep(tmp_path, BENCH, ROWS, started=EARLY, facts=replace(FACTS, cpu="old"))
    newest = keep(tmp_path, BENCH, ROWS, started=LATER, finished=False)
    (newest / "conditions.json").write_bytes(msgspec.json.encode(Conditions(on_battery=True)))
    plenty(tmp_path / "asv", machines=1, commits=1)
    ours, asvs = collect(tmp_path).machines
    assert asvs.diagnosis is None
    assert ours.diagnosis.environment == FACTS
    assert ours.diagnosis.threads == 2
    assert [caution.code for caution in ours.diagnosis.warnings] == ["on-battery"]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, EARLY),
        ({"commit": "newer"}, LATER),
        ({"facts": replace(FACTS, libraries={"numpy": "3"})}, LATER),
    ],
)
def test_collection_prefers_whole_run_to_quick_one_of_same_code(
    tmp_path: Path, fields: dict[str, Any], shown: str
) -> None:
    """A look that came later knows less; one at newer code, or on another ground, knows news."""
    keep(tmp_path, BENCH, ROWS, started=EARLY)
    keep(tmp_path, BENCH | {"quick": True}, ROWS, started=LATER, **fields)
    assert when(tmp_path) == [shown]


def test_collection_copied_folder_changes_no_answer(tmp_path: Path) -> None:
    """Its rows count once, and the copy is named."""
    keep(tmp_path, BENCH, ROWS)
    shutil.copytree(tmp_path / "runs" / "box", tmp_path / "runs" / "copy")
    collection = collect(tmp_path)
    (complaint,) = collection.errors
    assert complaint.endswith("read already, under this name or another")
    assert len(collection.studies["bench"]) == 1
    assert collection.sweeps[0].curves[0].spots[0].repeats == 4
