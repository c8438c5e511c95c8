from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from perceptron.analysis.stored.runs import judge_bench
from perceptron.errors import UserError
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.progress import silent
from perceptron.problems.catalogue import find_all
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.store import load_plan
from perceptron.studies import bench as study
from perceptron.studies.bench import BenchPlan, Levels
from perceptron.studies.collected import collect
from tests.conftest import ROOT, Perceptron
from tests.studies.conftest import Lab, jobs_of

EXAMPLES = ROOT / "docs" / "examples"


def plan(**fields: object) -> BenchPlan:
    return BenchPlan(**({"families": (), "backends": ("numpy",), "threads": (1,)} | fields))  # type: ignore[arg-type]


def test_bench_shows_a_model_of_ones_own_and_why_another_was_not_measured(
    here: Perceptron, tmp_path: Path
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
    command += ("--rounds", "1", "--budget", "10")
    finished = here(*command, "--problem", *names)
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
    assert {row["family"] for row in rows} == {"moves", "still", "away"}
    assert "OR gate" not in finished.stdout
    assert "OR gate" not in page
    status = {row["family"]: (row["status"], row["reason"]) for row in rows}
    assert status["moves"] == ("ok", None)
    assert status["still"] == ("skipped", "not checkable: the loss does not move in 10 iterations")
    assert status["away"][0] == "skipped"
    assert "not finite" in status["away"][1]
    assert {row["problem"] for row in rows if row["family"] == "moves"} == {
        problem.name for problem in find_all(f"{tmp_path}/moves.toml")
    }
    assert str(tmp_path) not in file.read_text()


SMALL = BenchPlan(
    families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,)
)


@pytest.fixture
def slow(lab: Lab) -> Lab:
    """Numpy is twice as fast everywhere, and every row takes half a second."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    lab.takes = lambda job, problem: 0.05 if job.check else 0.5
    return lab


def test_the_finding_comes_first_and_in_full(slow: Lab, tmp_path: Path) -> None:
    """Then everything gets some processes, and all of them where there is time."""
    result = study.bench(SMALL, "box", tmp_path, silent)
    counts = Counter(row.backend for row in result.rows if row.family == "or-gate")
    assert set(counts.values()) == {SMALL.rounds}
    first = len(study.finding_jobs(SMALL, SMALL.levels.first))
    assert {problem for _, problem in slow.timed[:first]} == {"or-gate"}
    assert len(slow.timed) == len(jobs_of(SMALL))
    assert not result.warnings or "budget-spent" not in {w.code for w in result.warnings}
    assert result.budget is not None
    assert result.budget.seconds == 360
    assert result.budget.spent_seconds == pytest.approx(slow.now)


def test_a_budget_is_kept_and_what_it_left_out_is_said(slow: Lab, tmp_path: Path) -> None:
    """On the console and the page alike; the families that had no turn have a reason."""
    result = study.bench(SMALL, "box", tmp_path, silent, budget_seconds=20.0)
    assert slow.now <= 20 * 1.05
    assert result.warnings[-1].code == "budget-spent"
    assert "--budget 0.667 continues" in result.warnings[-1].advice
    assert {pair.family for pair in result.crossovers} == set(SMALL.families)
    assert all(pair.reason for pair in result.crossovers)
    stored = judge_bench(read_run(result.results))
    assert stored.warnings == result.warnings
    assert [pair.reason for pair in stored.crossovers] == [
        pair.reason for pair in result.crossovers
    ]


def test_an_interrupted_run_resumes_inside_its_budget(slow: Lab, tmp_path: Path) -> None:
    """Ctrl-C writes down what was spent."""
    slow.power_cut_after = 20
    with pytest.raises(KeyboardInterrupt):
        study.bench(SMALL, "box", tmp_path, silent, budget_seconds=40.0)
    (file,) = tmp_path.glob("runs/box/*/run.json")
    folder = file.parent
    assert load_plan(folder).spent_seconds == pytest.approx(slow.now)
    slow.power_cut_after = None
    result = study.bench(SMALL, "box", tmp_path, silent, budget_seconds=40.0)
    assert result.results == folder
    assert slow.now <= 40 * 1.05


def test_what_a_killed_worker_lost_is_tried_again_though_the_budget_was_spent(
    slow: Lab, tmp_path: Path
) -> None:
    """In as much time once more: else the same command could only say again what it had lost."""
    reason = "the worker was ended by SIGKILL (out of memory?)"

    def killed(backend: str, problem: Problem) -> Outcome | None:
        if (backend, problem.name) != ("torch-cpu", "or-gate"):
            return None
        return Outcome(problem=problem.reference, status="failed", reason=reason)

    slow.refused = killed
    first = study.bench(SMALL, "box", tmp_path, silent, budget_seconds=40.0)
    assert "killed" in {warning.code for warning in first.warnings}
    assert slow.now > 30
    slow.refused = lambda backend, problem: None
    before = slow.now
    again = study.bench(SMALL, "box", tmp_path, silent, budget_seconds=40.0)
    assert again.results == first.results
    assert "killed" not in {warning.code for warning in again.warnings}
    assert {row.status for row in again.rows if row.backend == "torch-cpu"} == {"ok"}
    assert "or-gate" in {row.problem for row in again.rows if row.backend == "torch-cpu"}
    assert slow.now - before <= 40 * 1.05


def test_nine_minutes_with_slow_starts_are_a_finished_run_of_every_family(
    lab: Lab, tmp_path: Path
) -> None:
    """A device whose context takes seconds: all have what is enough, and the readers take it."""
    lab.start_seconds = 4.0

    def takes(job: Batch, problem: Problem) -> float:
        slow = problem.name == "or-gate" and job.backend == "torch-cuda"
        return 0.1 if job.check else 4.0 if slow else 0.15

    lab.takes = takes
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    whole = BenchPlan(threads=(1,))
    result = study.bench(whole, "box", tmp_path, silent, budget_seconds=540.0)
    assert lab.now <= 540
    assert "budget-spent" not in {warning.code for warning in result.warnings}
    rows = Counter((row.problem, row.backend) for row in result.rows)
    assert set(rows.values()) == {whole.rounds}
    assert "not measured" not in {pair.status for pair in result.crossovers}
    (shown,) = collect(tmp_path).benches
    assert (shown.rows, shown.hardware) == (result.rows, "cuda")


def test_rounds_say_how_many_processes_each_size_gets(lab: Lab, tmp_path: Path) -> None:
    """Also of a quick look, and never more first than there are in all."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    assert BenchPlan(threads=(1,)).rounds == 8
    assert BenchPlan(threads=(1,), quick=True).rounds == 4
    for quick in (False, True):
        one = replace(SMALL, rounds=1, quick=quick)
        assert one.levels == Levels(first=1, enough=1, most=2)
        two = replace(SMALL, rounds=2, quick=quick)
        lab.timed.clear()
        result = study.bench(two, "box", tmp_path / str(quick), silent)
        assert set(Counter(lab.timed).values()) == {2}
        stored = load_plan(result.results).plan
        assert (stored["rounds"], stored["processes"]) == (2, 2)
    with pytest.raises(UserError, match="--rounds must be at least 1, got -1"):
        replace(SMALL, rounds=-1)


def test_more_processes_are_swept_and_are_no_part_of_the_finding(lab: Lab, tmp_path: Path) -> None:
    """Unless they are named; the crossovers hold their pairs, and the stored run says the same."""
    lab.seconds = lambda backend, problem: 1e-5 if backend.endswith("@2") else 2e-5
    added = ("torch-ddp", "torch-ddp@2")
    backends = ("numpy", "torch-cpu", *added)
    over = plan(
        families=("mlp-depth",), backends=backends, threads=(2,), quick=True, beside_finding=added
    )
    result = study.bench(over, "box", tmp_path, silent)
    assert [row.backend for row in result.finding] == ["numpy-published", "numpy", "torch-cpu"]
    assert {row.backend for row in result.rows if row.family == "mlp-depth"} == set(backends)
    pairs = {(pair.incumbent, pair.challenger): pair.status for pair in result.crossovers}
    assert pairs["torch-ddp", "torch-ddp@2"] == "always"
    stored = judge_bench(read_run(result.results))
    assert (stored.finding, stored.threads) == (result.finding, [2])
    named = plan(backends=("numpy", "torch-ddp"), threads=(2,))
    assert named.finding_backends == ("numpy-published", "numpy", "torch-ddp")
