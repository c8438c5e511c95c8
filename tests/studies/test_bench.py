from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.analysis.stored.runs import judge_bench
from perceptron.errors import UserError
from perceptron.problems.catalogue import find_all
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.store import RunJournal, load_conditions
from perceptron.studies import bench as study
from perceptron.studies.bench import BenchPlan, tasks
from perceptron.studies.shared import opening
from perceptron.studies.shared.progress import silent
from tests.conftest import ROOT, MakeRow, Perceptron
from tests.made import SOUND, TIRED, UnknownLook

EXAMPLES = ROOT / "docs" / "examples"
WIDTHS = find_all(str(EXAMPLES / "points-width.toml"))
ONE = find_all(str(EXAMPLES / "wear.toml"))


def plan(**fields: object) -> BenchPlan:
    return BenchPlan(**({"families": (), "backends": ("numpy",), "threads": (1,)} | fields))  # type: ignore[arg-type]


def test_every_size_of_a_file_is_a_task_of_its_family() -> None:
    """Quick mode leaves none out."""
    own = [problem.name for problem in (*WIDTHS, *ONE)]
    for quick in (False, True):
        planned = tasks(plan(problems=(*WIDTHS, *ONE), quick=quick))
        names = {task.problem.name for task in planned if task.process == 0}
        assert names == {"or-gate", *own}
    groups = {task.problem.name: task.group for task in tasks(plan(problems=(*WIDTHS, *ONE)))}
    assert {groups[problem.name] for problem in WIDTHS} == {"points-width 1"}


def test_a_problem_named_twice_is_measured_once() -> None:
    """Also where it was written in two ways."""
    (again,) = find_all(WIDTHS[0].reference.replace("docs/", "docs/../docs/"))
    assert plan(problems=(WIDTHS[0], again)).problems == (WIDTHS[0],)


def test_a_file_edited_while_it_is_measured_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of two models must not be judged as one; the run stays unfinished."""
    file = tmp_path / "model.toml"
    text = (EXAMPLES / "points-width.toml").read_text()
    file.write_text(text)
    monkeypatch.setattr(
        study, "run_tasks", lambda *_: file.write_text(text.replace("rate = 0.5", "rate = 0.25"))
    )
    with pytest.raises(UserError, match="changed while it was measured"):
        study.bench(plan(problems=find_all(str(file))), "box", tmp_path / "results", silent)
    (run,) = (tmp_path / "results").glob("runs/box/*/run.json")
    assert json.loads(run.read_text())["finished"] is None
    assert set(json.loads(run.read_text())["plan"]["contents"]) == {str(file)}


def test_bench_shows_a_model_of_ones_own_and_why_another_was_not_measured(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """Console, page and rows have the family; one that stands still has a reason, and no crash."""
    text = (EXAMPLES / "points-width.toml").read_text().replace("[4, 16, 64, 256]", "[4, 8]")
    (tmp_path / "moves.toml").write_text(text)
    (tmp_path / "still.toml").write_text(text.replace("rate = 0.5", "rate = 1e-30"))
    single = text[: text.index("[size]")]
    (tmp_path / "away.toml").write_text(
        single.replace("rate = 0.5", "rate = 1e200").replace("sigmoid", "identity")
    )
    names = ("moves.toml", "still.toml", "away.toml")
    command = ("bench", "--quick", "--threads", "1", "--backends", "numpy", "--machine", "box")
    finished = perceptron(*command, "--problem", *names)
    assert finished.returncode == 0, finished.stderr
    assert "Warning" not in finished.stderr
    assert "not checkable" in finished.stdout
    page = (tmp_path / "html" / "index.html").read_text()
    assert all(f'<th scope="row">{Path(name).stem}</th>' in page for name in names)
    assert "not finite" in page
    sweeps = "".join(file.read_text() for file in (tmp_path / "html/data/sweeps").iterdir())
    assert "Not measured: numpy: not checkable" in sweeps
    (file,) = tmp_path.glob("results/runs/box/*/measurements.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {row["family"] for row in rows} == {"or-gate", "moves", "still", "away"}
    status = {row["family"]: (row["status"], row["reason"]) for row in rows}
    assert status["moves"] == ("ok", None)
    assert status["still"] == ("skipped", "not checkable: the loss does not move in 10 iterations")
    assert status["away"][0] == "skipped"
    assert "not finite" in status["away"][1]
    assert {row["problem"] for row in rows if row["family"] == "moves"} == {
        problem.name for problem in find_all(f"{tmp_path}/moves.toml")
    }
    assert str(tmp_path) not in file.read_text()


@pytest.fixture
def measured(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, row: MakeRow
) -> dict[str, object]:
    """Have bench measure one made-up row on a tired machine; record how it read the conditions."""
    seen: dict[str, object] = {}

    def conditions(with_loop: bool) -> Conditions:
        seen["with_loop"] = with_loop
        return TIRED

    def run_tasks(tasks: object, journal: RunJournal, *_: object) -> None:
        seen["kept before the first row"] = load_conditions(journal.folder)
        journal.append(row(seconds=1e-6))

    monkeypatch.setattr(opening, "environment", lambda *_: environment)
    monkeypatch.setattr(opening, "conditions", conditions)
    monkeypatch.setattr(opening, "Look", UnknownLook)
    monkeypatch.setattr(study, "run_tasks", run_tasks)
    return seen


@pytest.mark.parametrize("quick", [False, True])
def test_bench_keeps_its_conditions_and_warns_of_them(
    measured: dict[str, object], tmp_path: Path, quick: bool
) -> None:
    """Once, before the first row, beside the rows; quick mode spares the loop."""
    plan = BenchPlan(backends=("numpy",), threads=(2,), quick=quick)
    result = study.bench(plan, "box", tmp_path, silent)
    assert measured["with_loop"] is not quick
    assert measured["kept before the first row"] == [TIRED]
    assert load_conditions(result.results) == [TIRED]
    assert [warning.code for warning in result.warnings] == ["other-load", "on-battery"]


def test_quick_is_a_part_of_the_whole() -> None:
    """Every quick size is a full size; the whole has more processes."""
    whole = BenchPlan(threads=(1,))
    quick = BenchPlan(threads=(1,), quick=True)
    names = {task.problem.name for task in tasks(whole)}
    assert {task.problem.name for task in tasks(quick)} < names
    assert quick.processes < whole.processes


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"families": ("mlp-widht",)}, "did you mean 'mlp-width'"),
        ({"backends": ("nunpy",)}, "did you mean 'numpy'"),
        ({"threads": (0,)}, "--threads must be at least 1"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_measured(
    fields: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        BenchPlan(**fields)  # type: ignore[arg-type]


def test_a_resumed_run_warns_of_what_its_earlier_start_was_under(
    measured: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rows were measured under that as well, and quiet now does not undo it."""
    plan = BenchPlan(backends=("numpy",), threads=(2,))

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(study, "summarise", power_cut)
        with pytest.raises(KeyboardInterrupt):
            study.bench(plan, "box", tmp_path, silent)
    monkeypatch.setattr(opening, "conditions", lambda with_loop: SOUND)
    result = study.bench(plan, "box", tmp_path, silent)
    assert load_conditions(result.results) == [SOUND, TIRED]
    assert [warning.code for warning in result.warnings] == ["other-load", "on-battery"]
    assert judge_bench(read_run(result.results)).warnings == result.warnings
