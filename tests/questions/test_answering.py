from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.questions.answering import answer_run, judges
from perceptron.records.conditions import Conditions, GpuState
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.store import stored_runs
from tests.made import (
    ADVICE,
    BENCH,
    FACTS,
    LADDER,
    MAP,
    advice_rows,
    bench_rows,
    keep,
    ladder_rows,
    map_rows,
    measured,
)

KINDS: list[tuple[dict[str, Any], list[Any]]] = [
    (BENCH, bench_rows()),
    (MAP, map_rows()),
    (LADDER, ladder_rows()),
]
OTHERWISE = [replace(row, optimizer="adam") for row in map_rows()]
every_kind = pytest.mark.parametrize(("plan", "rows"), KINDS)


def judge(folder: Path) -> Answered:
    return answer_run(read_run(folder))


def test_stored_run_answers_as_when_measured(tmp_path: Path) -> None:
    """The finding, the crossovers and the warnings of the main job, in the order of its plan."""
    folder = keep(tmp_path, BENCH | {"backends": ["torch-cpu", "numpy"]}, bench_rows())
    (folder / "conditions.json").write_bytes(msgspec.json.encode(Conditions(on_battery=True)))
    judged = judge(folder)
    names = ["numpy-published", "torch-cpu", "numpy"]
    assert [row.backend for row in judged.answer.data["finding"]] == names
    first = judged.answer.data["crossovers"][0]
    assert (first.incumbent, first.status) == ("torch-cpu", "reverses")
    assert [caution.code for caution in judged.warnings] == ["on-battery"]


@every_kind
def test_stored_run_warns_about_its_rows(
    tmp_path: Path, plan: dict[str, Any], rows: list[Any]
) -> None:
    """Of contention and of a GPU's clock; an old run, whose rows say nothing of these, does not."""
    assert [*judge(keep(tmp_path / "old", plan, rows)).warnings] == []
    slow = GpuState(name="Slide Rule", sm_mhz=900, max_sm_mhz=2000, idle=False, slowed_by=["heat"])
    marks: dict[str, dict[str, Any]] = {
        "contended": {"waited": 0.5, "contended": 3},
        "gpu-slowed": {"gpu": slow},
    }
    for code, mark in marks.items():
        marked = [replace(row, **mark) for row in rows]
        (warning,) = judge(keep(tmp_path / code, plan, marked)).warnings
        assert warning.code == code


def test_stored_map_has_grid_of_its_plan(tmp_path: Path) -> None:
    """Cells that were not measured are there as well."""
    phase_map = judge(keep(tmp_path, MAP | {"points": 7}, map_rows())).answer.data["map"]
    assert phase_map.x_values == [4, 8, 16, 32, 64, 128, 256]
    assert len(phase_map.cells) == 49
    assert phase_map.cells_measured == 16
    assert phase_map.absent == {"torch-cuda": "no CUDA device found"}


def test_stored_map_has_axes_of_its_plan(tmp_path: Path) -> None:
    """A plan from when one family had two axes does not; nothing but a word is taken for one."""
    batches = MAP | {"family": "batch-width", "axes": ["batch", "width"]}

    def axes(name: str, plan: dict[str, Any]) -> Any:
        return judge(keep(tmp_path / name, plan, map_rows())).answer.data["map"].axes

    assert axes("new", batches) == ("batch", "width")
    assert axes("old", MAP) == ("rows", "width")
    with pytest.raises(UserError, match="axes"):
        judge(keep(tmp_path / "bad", MAP | {"axes": ["<b>", "width"]}, map_rows()))


@every_kind
def test_lines_that_are_no_rows_take_nothing_with_them(
    tmp_path: Path, plan: dict[str, Any], rows: list[Any]
) -> None:
    """Nor do rows whose numbers cannot be: the rest is judged as if they were not there."""
    sound = judge(keep(tmp_path / "a", plan, rows))
    folder = keep(tmp_path / "b", plan, [*rows, measured(family="or-gate", size=4, seconds=1e300)])
    file = folder / "measurements.jsonl"
    file.write_bytes(b"{}\n[[[\n" + file.read_bytes())
    judged = judge(folder)
    assert (judged.answer, judged.warnings) == (sound.answer, sound.warnings)


FILES = ("run.json", "measurements.jsonl", f"../environment-{FACTS.id}.json", "conditions.json")
CONTENTS = {"no JSON": "{\n", "deep": "[" * 100_000 + "\n", "empty": ""}
IN_ITS_PLACE: dict[str, Callable[[Path], None]] = {
    "nothing": lambda _: None,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "no end": lambda file: file.symlink_to("/dev/zero"),
    "itself": lambda file: file.symlink_to(file),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("spoilt", [*CONTENTS, *IN_ITS_PLACE])
def test_stored_run_broken_file_is_one_line(tmp_path: Path, name: str, spoilt: str) -> None:
    """Whatever is in its place; nothing is waited for, nothing else is raised."""
    folder = keep(tmp_path, BENCH, bench_rows())
    (folder / "conditions.json").write_text("{}")
    file = (folder / name).resolve()
    if spoilt in CONTENTS:
        file.write_text(CONTENTS[spoilt])
    else:
        file.unlink()
        IN_ITS_PLACE[spoilt](file)
    if name == "conditions.json" and spoilt in ("nothing", "itself"):
        assert list(judge(folder).warnings) == []  # a run may have none
        return
    with pytest.raises(UserError) as caught:
        judge(folder)
    # A file of rows that is empty says nothing by itself: the run has no rows.
    assert str(file if file.suffix == ".json" else folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "rows", "field"),
    [
        (BENCH | {"backends": "numpy"}, bench_rows(), "backends"),
        (MAP | {"points": 10**9}, map_rows(), "points"),
        (MAP | {"x_range": [1, 2**60]}, map_rows(), "x_range"),
        (MAP | {"x_range": [8, 4]}, map_rows(), "cannot be judged"),
        (MAP | {"points": 1}, map_rows(), "points"),
        (MAP, bench_rows(), "no rows of a problem with two sizes"),
        (MAP, map_rows() + map_rows("other"), "may not be compared"),
        (MAP, [*map_rows(), *OTHERWISE], "may not be compared"),
        (ADVICE | {"name": "mlp:1x1"}, advice_rows(), "no rows of mlp:1x1"),
        (ADVICE | {"length": {"epochs": "many"}}, advice_rows(), "length"),
        (LADDER | {"bytes_moved": -1}, ladder_rows(), "bytes_moved"),
        (LADDER | {"removes": ["numba"]}, ladder_rows(), "removes"),
        (LADDER, ladder_rows() * 2, "two times of"),
        (BENCH, [measured(threads=None)], "number of threads"),
    ],
)
def test_stored_run_invalid_field_is_one_line(
    tmp_path: Path, plan: dict[str, Any], rows: list[Any], field: str
) -> None:
    folder = keep(tmp_path, plan, rows)
    with pytest.raises(UserError, match=field) as caught:
        judge(folder)
    assert str(folder) in str(caught.value)


def test_stored_run_refuses_environment_path(tmp_path: Path) -> None:
    """Its id becomes part of a path."""
    folder = keep(tmp_path, BENCH, bench_rows())
    file = folder / "run.json"
    file.write_text(file.read_text().replace(FACTS.id, "../../../secret"))
    with pytest.raises(UserError, match="not an id of an environment"):
        judge(folder)


@pytest.mark.slow
def test_pages_tell_of_runs_without_samples_what_runs_with_them_tell(
    results_of_record: Path,
) -> None:
    """But of those whose page shows single samples, which it is given."""
    known = judges()
    runs = [
        run for run in stored_runs(results_of_record, pytest.fail) if run.run.plan["study"] in known
    ]
    assert len(runs) > 10
    for run in runs:
        answered = answer_run(read_run(run.folder))
        samples = known[answered.study].page.shows_samples
        assert answer_run(read_run(run.folder, samples)).answer == answered.answer
