from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.measure.job import Job, Time
from perceptron.problems import catalogue
from perceptron.problems.catalogue import find_all
from perceptron.problems.problem import Problem
from perceptron.questions.answering import answer_run, collect
from perceptron.questions.bench.study import Bench, BenchPlan, finding_jobs, next_jobs, sweep_jobs
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.dashboard.write import write_site
from tests.conftest import ROOT, Perceptron
from tests.made import measured
from tests.questions.conftest import Lab, carried_out, codes, jobs_of

EXAMPLES = ROOT / "docs" / "examples"


def plan(**fields: Any) -> BenchPlan:
    return BenchPlan(**({"threads": (1,)} | fields)).resolved()


def bench(plan: BenchPlan, results: Path, seconds: float | None = None) -> Answered:
    return carried_out(Bench(), plan, results, seconds)


def pairs(told: Answered) -> list[Crossover]:
    found: list[Crossover] = told.answer.data["crossovers"]
    return found


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
    sweeps = "".join(file.read_text() for file in (tmp_path / "html/data/crossover").iterdir())
    assert all(Path(name).stem in page + sweeps for name in names)
    assert "not finite" in page
    assert "numpy: not checkable: the loss does not move" in sweeps
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


@pytest.mark.parametrize(
    "typed", [{}, {"families": ("none",)}, {"over": (1, 2), "threads": (2,)}, {"quick": True}]
)
def test_a_resolved_plan_is_resolved(typed: dict[str, Any]) -> None:
    once = plan(**typed)
    assert once.resolved() == once
    assert bool(once.planned) == ("families" not in typed)


SMALL = plan(families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"))


@pytest.fixture
def slow(lab: Lab) -> Lab:
    """Numpy is twice as fast everywhere, and every row takes half a second."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    lab.takes = lambda job, problem: 0.05 if job.step == "check" else 0.5
    return lab


def test_the_finding_comes_first_and_in_full(slow: Lab, tmp_path: Path) -> None:
    """Then everything gets some repeats, and all of them where there is time."""
    told = bench(SMALL, tmp_path)
    counts = Counter(row.backend for row in told.run.times if row.family == "or-gate")
    assert set(counts.values()) == {SMALL.rounds}
    first = len(finding_jobs(SMALL, SMALL.first_rounds))
    assert {problem for _, problem in slow.timed[:first]} == {"or-gate"}
    assert len(slow.timed) == len(jobs_of(SMALL))
    assert "budget-spent" not in codes(told)
    budget = told.run.run.budget
    assert budget is not None
    assert (budget.seconds, budget.spent_seconds) == (360, pytest.approx(slow.now))


def test_a_budget_is_kept_and_what_it_left_out_is_said(slow: Lab, tmp_path: Path) -> None:
    """The families that had no turn have a reason, and so has the stored run."""
    told = bench(SMALL, tmp_path, 20.0)
    assert slow.now <= 20 * 1.05
    assert "budget-spent" in codes(told)
    assert {pair.family for pair in pairs(told)} == set(SMALL.families)
    assert all(pair.reason for pair in pairs(told))
    assert answer_run(read_run(told.results)) == told


def test_nine_minutes_with_slow_starts_are_a_finished_run_of_every_family(
    lab: Lab, tmp_path: Path
) -> None:
    """A device whose context takes seconds: all have what is enough, and the readers take it."""
    lab.start_seconds = 4.0

    def takes(job: Job, problem: Problem) -> float:
        slow = problem.name == "or-gate" and job.backend == "torch-cuda"
        return 0.1 if job.step == "check" else 4.0 if slow else 0.15

    lab.takes = takes
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    whole = plan()
    told = bench(whole, tmp_path, 540.0)
    assert lab.now <= 540
    assert "budget-spent" not in codes(told)
    rows = Counter((row.problem, row.backend) for row in told.run.times)
    assert set(rows.values()) == {whole.rounds}
    assert "not measured" not in {pair.status for pair in pairs(told)}
    (shown,) = collect(tmp_path).studies["bench"]
    assert shown.answer == told.answer
    assert kind_of_hardware(told.run.times, told.run.facts.environment) == "cuda"


def test_rounds_say_how_many_repeats_each_size_gets(lab: Lab, tmp_path: Path) -> None:
    """Also of a quick run, and never more first than there are in all."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    assert (plan().rounds, plan(quick=True).rounds) == (8, 4)
    for quick in (False, True):
        assert replace(SMALL, rounds=1, quick=quick).first_rounds == 1
        lab.timed.clear()
        told = bench(replace(SMALL, rounds=2, quick=quick), tmp_path / str(quick))
        assert set(Counter(lab.timed).values()) == {2}
        assert told.run.run.plan["rounds"] == 2
    with pytest.raises(UserError, match="--rounds must be at least 1, got -1"):
        plan(rounds=-1)


def test_a_finding_that_takes_long_leaves_time_for_the_families_asked_for(
    lab: Lab, tmp_path: Path
) -> None:
    """An all-reduce an iteration: 27 s for all of the OR gate's, of a minute."""
    lab.seconds = lambda backend, problem: 1e-5

    def takes(job: Job, problem: Problem) -> float:
        if problem.name != "or-gate" or job.step == "check" or "ddp" not in job.backend:
            return 0.2
        assert isinstance(job, Time)
        return min(54.0, job.most_seconds or 54.0)

    lab.takes = takes
    asked = {"quick": True, "families": ("mlp-width",), "over": (1, 2), "threads": (2,)}
    told = bench(plan(backends=("torch-ddp",), **asked), tmp_path, 60.0)
    repeats = Counter(
        (row.size, row.backend) for row in told.run.times if row.family == "mlp-width"
    )
    assert {backend for _, backend in repeats} == {"torch-ddp", "torch-ddp@2"}
    assert min(repeats.values()) >= 2
    assert "no-end" not in codes(told)


@pytest.mark.parametrize(
    ("backends", "waited", "decided", "sentence"),
    [
        (("numpy", "torch-cpu"), 0.0, "yes", "numpy; torch-cpu takes 2.00× as long [2.00, 2.00]"),
        (
            ("numpy", "torch-cpu"),
            0.9,
            "no",
            "numpy leads, torch-cpu takes about 2.00× as long, "
            "not decided: every sample was contended",
        ),
        (("numpy",), 0.0, "no", "undecided"),
    ],
)
def test_a_model_of_ones_own_has_a_verdict(
    backends: tuple[str, ...],
    waited: float,
    decided: str,
    sentence: str,
    lab: Lab,
    tmp_path: Path,
) -> None:
    """Of one size too; what a setup takes is no part of it."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    lab.prepare_seconds = lambda backend: 9.0 if backend == "numpy" else 1e-3
    lab.waited = waited
    file = str(EXAMPLES / "fruit.toml")
    told = bench(plan(problems=(file,), backends=backends, quick=True), tmp_path)
    (verdict,) = told.answer.verdicts
    assert (verdict.subject, verdict.decided) == ("fruit", decided)
    assert verdict.sentence == sentence
    assert told.answer.is_decided == (decided == "yes")
    write_site(tmp_path / "html", collect(tmp_path))
    assert sentence in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")


def test_more_processes_are_swept_and_are_no_part_of_the_finding(lab: Lab, tmp_path: Path) -> None:
    """Unless they are named; the crossovers hold their pairs."""
    lab.missing |= dict.fromkeys(("torch-cuda", "torch-ddp-cuda"), "no CUDA device found")
    lab.seconds = lambda backend, problem: 1e-5 if backend.endswith("@2") else 2e-5
    more = {"families": ("mlp-depth",), "threads": (2,), "quick": True, "over": (1, 2)}
    told = bench(plan(**more), tmp_path)
    finding = [row.backend for row in told.answer.data["finding"]]
    assert finding == ["numpy-published", "numpy", "torch-cpu", "torch-cuda"]
    swept = {row.backend for row in told.run.times if row.family == "mlp-depth"}
    assert swept >= {"numpy", "torch-cpu", "torch-ddp", "torch-ddp@2"}
    status = {(pair.incumbent, pair.challenger): pair.status for pair in pairs(told)}
    assert status["torch-ddp", "torch-ddp@2"] == "always"
    named = plan(backends=("numpy", "torch-ddp"), threads=(2,))
    assert named.finding_backends == ("numpy-published", "numpy", "torch-ddp")


PLAN = BenchPlan(
    families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,)
).resolved()
JOBS = sweep_jobs(PLAN, PLAN.sweep(), range(1))


def measured_jobs(plan: BenchPlan, allowed: int) -> list[Time]:
    """Return the jobs that are measured, in order, where there is time for so many."""
    order: list[Time] = []
    rows: list[Measurement] = []
    while jobs := next_jobs(plan, rows):
        for job in sorted(jobs, key=lambda job: job.repeat):
            if len(order) == allowed:
                return order
            order.append(job)
            problem = catalogue.find(job.problem)
            rows.append(
                measured(
                    problem=problem.name,
                    family=problem.family,
                    size=problem.size,
                    backend=job.backend,
                    dtype=job.dtype,
                    threads=job.threads,
                    repeat=job.repeat,
                )
            )
    return order


def test_in_a_look_some_sizes_get_all_their_first_processes_before_others_get_any() -> None:
    """Of every family: from one process of each nothing follows."""
    look = BenchPlan(backends=PLAN.backends, threads=(1,), quick=True).resolved()
    first = look.first_rounds
    early = first * len(look.finding_backends)
    order = measured_jobs(look, early + 8 * first * len(look.backends) + 1)
    counts = Counter((job.problem, job.backend) for job in order if job.problem != "or-gate")
    full = {name for (name, _), count in counts.items() if count == first}
    assert len(full) == 8
    families = {problem.name: problem.family for problem in look.sweep()}
    assert {families[name] for name in full} == set(look.families)


@settings(max_examples=15)
@given(st.integers(0, 1500))
def test_all_have_their_first_processes_before_any_has_more(allowed: int) -> None:
    """And each further process before any has the next: repeats of some pair up with nothing."""
    counts: Counter[tuple[str, str]] = Counter()
    for job in measured_jobs(PLAN, allowed):
        if job.problem != "or-gate":
            fewest = min(counts[other.problem, other.backend] for other in JOBS)
            assert job.repeat < PLAN.first_rounds or fewest >= job.repeat
            counts[job.problem, job.backend] += 1
