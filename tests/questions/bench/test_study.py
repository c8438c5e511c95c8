from __future__ import annotations

import json
from collections import Counter
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.answer import Answered, Verdict
from perceptron.errors import UserError
from perceptron.measure.job import Job, Time
from perceptron.problems.catalogue import find_all
from perceptron.problems.problem import Problem
from perceptron.questions.answering import answer_run, collect
from perceptron.questions.bench.study import Bench, BenchPlan
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.questions.shared.axes import SWEEP
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.dashboard.write import write_site
from tests.conftest import ROOT, Perceptron
from tests.questions.conftest import Lab, carried_out, codes

EXAMPLES = ROOT / "docs" / "examples"


def plan(**fields: Any) -> BenchPlan:
    return BenchPlan(**({"threads": (1,)} | fields)).resolved()


def bench(plan: BenchPlan, results: Path, seconds: float | None = None) -> Answered:
    return carried_out(Bench(), plan, results, seconds)


def pairs(answered: Answered) -> list[Crossover]:
    crossovers: list[Crossover] = answered.answer.data["crossovers"]
    return crossovers


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
    command += ("--budget", "10")
    finished = here(*command, "--problem", *names)
    assert finished.returncode == 3, finished.stderr  # a backend alone decides nothing
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


def verdicts_of(answered: Answered) -> dict[str, Verdict]:
    """The first verdict on each subject."""
    return {verdict.subject: verdict for verdict in reversed(answered.answer.verdicts)}


@pytest.mark.parametrize(
    "typed", [{}, {"families": ("none",)}, {"over": (1, 2), "threads": (2,)}, {"quick": True}]
)
def test_bench_plan_resolves_to_itself(typed: dict[str, Any]) -> None:
    once = plan(**typed)
    assert once.resolved() == once
    assert bool(once.planned) == ("families" not in typed)


def cost(backend: str, problem: Problem) -> float:
    """In seconds, about what 2 cores of a server gave; along mlp-width the far end is a near tie.

    One family changes its winner, the others keep it.
    """
    fixed, of_size = {
        "or-gate": ((5, 0), (70, 0)),
        "perceptron-rows": ((5, 4.6e-3), (76, 3.3e-3)),
        "perceptron-features": ((5, 0.04), (76, 0.08)),
        "mlp-width": ((13, 0.6), (100, 0.585)),
        "mlp-depth": ((5, 40), (90, 95)),
        "mlp-batch": ((27, 0.43), (200, 0.51)),
    }[problem.family][backend.startswith("torch")]
    return 1e-6 * (fixed + of_size * problem.size)


@pytest.fixture
def server(lab: Lab) -> Lab:
    """Takes about as long as a server does: imports, agreement, and samples of a process."""
    lab.missing["torch-cuda"] = "no CUDA device found"
    lab.start_seconds = 0.6  # of two at once, one imports PyTorch
    counts: Counter[tuple[str, str]] = Counter()

    def seconds(backend: str, problem: Problem) -> float:
        counts[backend, problem.name] += 1
        seed = [counts[backend, problem.name], len(backend), problem.size, len(problem.family)]
        return cost(backend, problem) * exp(np.random.default_rng(seed).normal(0, 0.02))

    def takes(job: Job, problem: Problem) -> float:
        each = cost(job.backend, problem)
        if job.step == "check":
            return 0.02 + 40 * each
        assert isinstance(job, Time)
        sample = max(job.minimum_seconds, (job.iterations or 1) * each)
        return 0.15 + 1.2 * (job.samples + 2) * sample

    lab.seconds, lab.takes = seconds, takes
    return lab


@pytest.mark.parametrize("quick", [False, True])
def test_bench_is_the_finding_and_every_family(quick: bool, server: Lab, tmp_path: Path) -> None:
    """The finding comes first, each family is reached in the first third, all end decided.

    In a minute what is not decided is named; in six minutes nothing is left to ask for.
    """
    reached: dict[str, float] = {}
    seconds = server.seconds

    def noting(backend: str, problem: Problem) -> float:
        reached.setdefault(problem.family, server.now)
        return seconds(backend, problem)

    server.seconds = noting
    resolved = plan(quick=quick)
    answered = bench(resolved, tmp_path)
    assert next(iter(reached)) == "or-gate"
    assert set(reached) == {"or-gate", *SWEEP}
    assert max(reached.values()) < resolved.budget_seconds / 3
    verdicts = verdicts_of(answered)
    assert set(verdicts) == {"or-gate", *SWEEP}
    near_tie = verdicts.pop("mlp-width")
    assert near_tie.decided != "no"
    if quick:
        assert "no" not in {verdict.decided for verdict in verdicts.values()}
        return
    assert {verdict.decided for verdict in verdicts.values()} == {"yes"}
    assert Bench().next(resolved, answered.run.rows, 0.5) == []
    assert "budget-spent" not in codes(answered)
    taken = Counter(row.problem for row in answered.run.times if row.backend == "torch-cpu")
    assert taken["or-gate"] == 8


def test_bench_budget_holds_and_unreached_families_have_reasons(
    server: Lab, tmp_path: Path
) -> None:
    """The families that had no turn have a reason, and so has the stored run."""
    answered = bench(plan(), tmp_path, 20.0)
    assert server.now <= 20 * 1.05
    assert "budget-spent" in codes(answered)
    assert {pair.family for pair in pairs(answered)} == set(SWEEP)
    assert all(pair.reason for pair in pairs(answered) if pair.status == "not measured")
    assert answer_run(read_run(answered.results)) == answered


def test_families_take_turns(server: Lab, tmp_path: Path) -> None:
    """Each has an answer after a sixth of the time, some of which all sizes at once would lack."""
    decided = {verdict.decided for verdict in verdicts_of(bench(plan(), tmp_path, 60.0)).values()}
    assert decided == {"yes", "partly"}


def test_bench_resume_measures_nothing_twice(server: Lab, tmp_path: Path) -> None:
    """The same rows ask for the same, whenever the power goes: nothing is measured twice."""
    resolved = plan(families=("mlp-batch", "mlp-depth"))
    for cut in (4, 30, 70):
        server.power_cut_after = cut
        with pytest.raises(KeyboardInterrupt):
            bench(resolved, tmp_path)
    server.power_cut_after = None
    answered = bench(resolved, tmp_path)
    keys = [(row.problem, row.backend, row.dtype, row.repeat) for row in answered.run.times]
    assert len(keys) == len(set(keys))
    assert {verdict.decided for verdict in verdicts_of(answered).values()} == {"yes"}


def test_slow_starts_of_a_device_leave_time_for_every_family(lab: Lab, tmp_path: Path) -> None:
    """A device whose context takes seconds, and whose training takes long.

    Three repeats on it are enough where they decide.
    """
    lab.start_seconds = 4.0

    def takes(job: Job, problem: Problem) -> float:
        slow = problem.name == "or-gate" and job.backend == "torch-cuda"
        return 0.1 if job.step == "check" else 4.0 if slow else 0.15

    lab.takes = takes
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    answered = bench(plan(), tmp_path, 540.0)
    assert "budget-spent" not in codes(answered)
    statuses = Counter(pair.status for pair in pairs(answered))
    assert statuses == {"never": 2 * len(SWEEP), "tie": len(SWEEP)}
    repeats = Counter(row.problem for row in answered.run.times if row.backend == "torch-cuda")
    assert set(repeats.values()) == {3}
    (shown,) = collect(tmp_path).studies["bench"]
    assert shown.answer == answered.answer
    assert kind_of_hardware(answered.run.times, answered.run.facts.environment) == "cuda"


def test_bench_slow_finding_leaves_time_for_requested_families(lab: Lab, tmp_path: Path) -> None:
    """An all-reduce an iteration: 27 s for all of the OR gate's, of a minute."""
    lab.seconds = lambda backend, problem: 1e-5

    def takes(job: Job, problem: Problem) -> float:
        if problem.name != "or-gate" or job.step == "check" or "ddp" not in job.backend:
            return 0.2
        assert isinstance(job, Time)
        return min(54.0, job.most_seconds or 54.0)

    lab.takes = takes
    options = {"quick": True, "families": ("mlp-width",), "over": (1, 2), "threads": (2,)}
    answered = bench(plan(backends=("torch-ddp",), **options), tmp_path, 60.0)
    repeats = Counter(
        (row.size, row.backend) for row in answered.run.times if row.family == "mlp-width"
    )
    assert {backend for _, backend in repeats} == {"torch-ddp", "torch-ddp@2"}
    assert min(repeats.values()) >= 2
    assert "no-end" not in codes(answered)


def test_bench_model_file_has_a_verdict(lab: Lab, tmp_path: Path) -> None:
    """Of one size too; what a setup takes is no part of it."""
    lab.seconds = lambda backend, problem: 1e-5 if backend == "numpy" else 2e-5
    lab.prepare_seconds = lambda backend: 9.0 if backend == "numpy" else 1e-3
    options = {"backends": ("numpy", "torch-cpu"), "quick": True}
    answered = bench(plan(problems=(str(EXAMPLES / "fruit.toml"),), **options), tmp_path)
    (verdict,) = answered.answer.verdicts
    assert (verdict.subject, verdict.decided) == ("fruit", "yes")
    assert verdict.sentence == "torch-cpu takes 2.00× as long as numpy"
    write_site(tmp_path / "html", collect(tmp_path))
    assert verdict.sentence in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")


def test_bench_sweeps_more_processes_outside_the_finding(lab: Lab, tmp_path: Path) -> None:
    """Unless they are named; the crossovers hold their pairs."""
    lab.missing |= dict.fromkeys(("torch-cuda", "torch-ddp-cuda"), "no CUDA device found")
    lab.seconds = lambda backend, problem: 1e-5 if backend.endswith("@2") else 2e-5
    more = {"families": ("mlp-depth",), "threads": (2,), "quick": True, "over": (1, 2)}
    answered = bench(plan(**more), tmp_path)
    finding = [row.backend for row in answered.answer.data["finding"]]
    assert finding == ["numpy-published", "numpy", "torch-cpu", "torch-cuda"]
    swept = {row.backend for row in answered.run.times if row.family == "mlp-depth"}
    assert swept >= {"numpy", "torch-cpu", "torch-ddp", "torch-ddp@2"}
    status = {(pair.incumbent, pair.challenger): pair.status for pair in pairs(answered)}
    assert status["torch-ddp", "torch-ddp@2"] == "always"
    named = plan(backends=("numpy", "torch-ddp"), threads=(2,))
    assert named.finding_backends == ("numpy-published", "numpy", "torch-ddp")


def test_bench_single_size_model_repeats_until_decided(lab: Lab, tmp_path: Path) -> None:
    """Side by side, and no longer than that."""
    file = str(EXAMPLES / "fruit.toml")
    for spread, repeats in ((0.01, {8}), (0.3, {16, 32})):
        random = np.random.default_rng(7)
        lab.seconds = lambda backend, problem: (
            (1e-5 if backend == "numpy" else 1.2e-5) * exp(random.normal(0, spread))  # noqa: B023
        )
        resolved = plan(problems=(file,), backends=("numpy", "torch-cpu"))
        answered = bench(resolved, tmp_path / str(spread))
        assert set(Counter(row.backend for row in answered.run.times).values()) <= repeats


def test_bench_backend_without_counterpart_is_timed_alone(lab: Lab, tmp_path: Path) -> None:
    lab.missing["torch-cpu"] = "torch is not installed"
    answered = bench(plan(families=("mlp-width",), backends=("numpy", "torch-cpu")), tmp_path)
    rows = [row for row in answered.run.times if row.family == "mlp-width"]
    assert {2, 8192} < {row.size for row in rows if row.backend == "numpy"}
    assert {row.reason for row in rows if row.backend == "torch-cpu"} == {"torch is not installed"}


def test_bench_without_families_measures_only_the_finding(lab: Lab, tmp_path: Path) -> None:
    answered = bench(
        plan(families=("none",), backends=("numpy", "torch-cpu"), quick=True), tmp_path
    )
    assert {row.family for row in answered.run.times} == {"or-gate"}
    assert (list(verdicts_of(answered)), pairs(answered)) == (["or-gate"], [])


def test_bench_finding_uses_fewest_threads(lab: Lab, tmp_path: Path) -> None:
    """The fewest."""
    options = {"families": ("none",), "backends": ("numpy", "torch-cpu"), "quick": True}
    answered = bench(plan(**options, threads=(1, 2)), tmp_path)
    assert {row.threads for row in answered.run.times} == {1}


def test_bench_plan_refuses_family_along_two_axes() -> None:
    with pytest.raises(UserError, match="perceptron map"):
        plan(families=("mlp-map",))
