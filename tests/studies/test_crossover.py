from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.errors import UserError
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.progress import silent
from perceptron.problems.problem import Problem
from perceptron.studies.crossover import CrossoverPlan, locate
from perceptron.studies.shared.many_models import PAIRS
from perceptron.studies.shared.over_processes import pairs_between
from tests.conftest import ROOT
from tests.studies.conftest import Lab

PAIR = ("numpy", "torch-cpu")
PLAN = CrossoverPlan(families=("mlp-width",), pairs=(PAIR,), threads=(1,), iterations=100)
# Where 1 + size/100 and 10 + size/1000 are equal: 1000.
TRUTH = 1000


def cost(backend: str, size: float) -> float:
    """In microseconds: torch-cpu starts slowly and grows slowly."""
    return 1 + size / 100 if backend == "numpy" else 10 + size / 1000


@pytest.fixture
def lab(lab: Lab) -> Lab:
    def seconds(backend: str, problem: Problem) -> float:
        """With the noise of the next process that measures this."""
        seed = [lab.timed.count((backend, problem.reference)), len(backend), problem.size]
        return 1e-6 * cost(backend, problem.size) * noise(seed)

    lab.seconds = seconds
    lab.prepare_seconds = lambda backend: 1e-3 if backend == "numpy" else 2.0
    return lab


def noise(seed: list[int]) -> float:
    return exp(np.random.default_rng(seed).normal(0, 0.01))


def search(results: Path, plan: CrossoverPlan = PLAN) -> CrossoverResult:
    return locate(plan, "box", results, silent)


def only(result: CrossoverResult) -> Crossover:
    (crossover,) = result.crossovers
    return crossover


def test_the_crossover_is_found_where_it_is(lab: Lab, tmp_path: Path) -> None:
    """Sure, within its interval, with more processes around it than elsewhere."""
    result = search(tmp_path)
    crossover = only(result)
    assert (crossover.status, crossover.sure) == ("crosses", True)
    assert (crossover.incumbent, crossover.challenger) == PAIR
    assert crossover.size == pytest.approx(TRUTH, rel=0.1)
    assert crossover.low is not None
    assert crossover.high is not None
    assert crossover.low <= crossover.size <= crossover.high
    assert {2, 8192} <= set(crossover.sizes_measured)
    counts = Counter(row.size for row in result.rows if row.backend == "numpy")
    assert crossover.bracket is not None
    assert min(counts[size] for size in crossover.bracket) >= 8 > counts[2] == counts[8192]
    assert len(lab.timed) == len(result.rows)
    assert (result.results / "measurements.jsonl").exists()  # type: ignore[operator]


def test_a_size_that_hangs_is_begun_once(lab: Lab, tmp_path: Path) -> None:
    """The rest of this axis is measured, and all of the other one."""
    hung = []

    def takes(job: Batch, problem: Problem) -> float:
        if (job.backend, problem.name) != ("torch-cpu", "mlp-width:8192"):
            return 0.1
        hung.append(lab.now)
        return 1e6

    lab.takes = takes
    plan = replace(PLAN, families=("mlp-width", "mlp-depth"))
    result = search(tmp_path, plan)
    assert len(hung) == 1
    assert lab.now <= plan.budget_seconds
    assert {row.family for row in result.rows if row.backend == "torch-cpu"} == set(plan.families)
    assert "torch-cpu at mlp-width:8192 did not end within" in result.warnings[0].message


def test_from_cold_the_start_is_shared_out(lab: Lab, tmp_path: Path) -> None:
    """2 s to prepare over 100 iterations outweigh microseconds: torch-cpu never wins."""
    result = search(tmp_path)
    assert result.iterations == 100
    assert [crossover.status for crossover in result.from_cold] == ["never"]
    largest = max(result.amortisations, key=lambda amortisation: amortisation.size)
    gained = (cost("numpy", largest.size) - cost("torch-cpu", largest.size)) * 1e-6
    assert largest.faster == "torch-cpu"
    assert largest.iterations == pytest.approx(1.999 / gained, rel=0.05)


@pytest.mark.parametrize("cut", [0, 70])
def test_an_interrupted_search_is_resumed(lab: Lab, tmp_path: Path, cut: int) -> None:
    """In the same folder, nothing measured twice, with the same answer."""
    lab.power_cut_after = cut
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path)
    lab.power_cut_after = None
    result = search(tmp_path)
    keys = [(row.problem, row.backend, row.repeat) for row in result.rows]
    assert len(keys) == len(set(keys)) == len(lab.timed)
    crossover = only(result)
    assert (crossover.status, crossover.sure) == ("crosses", True)
    assert crossover.size == pytest.approx(TRUTH, rel=0.1)
    assert len(list((tmp_path / "runs" / "box").glob("*/run.json"))) == 1


def test_a_backend_that_is_not_there_is_not_measured_and_says_why(lab: Lab, tmp_path: Path) -> None:
    """One row for each size, each once, and the other pairs are judged all the same."""
    lab.missing["torch-cuda"] = "no CUDA device found"
    plan = CrossoverPlan(families=("mlp-width",), threads=(1,))
    result = search(tmp_path, plan)
    by_pair = {
        (crossover.incumbent, crossover.challenger): crossover for crossover in result.crossovers
    }
    assert by_pair["numpy", "torch-cpu"].status == "crosses"
    for backend in PAIR:
        absent = by_pair[backend, "torch-cuda"]
        assert absent.status == "not measured"
        assert absent.reason == "torch-cuda: no CUDA device found"
    skipped = [row.problem for row in result.rows if row.status == "skipped"]
    assert len(skipped) == len(set(skipped))
    assert "torch-cuda" not in {backend for backend, _ in lab.timed}


def test_sizes_that_do_not_fit_are_tried_once(lab: Lab, tmp_path: Path) -> None:
    """And a crossover below them is found."""

    def refused(backend: str, problem: Problem) -> Outcome | None:
        if backend == "numpy" or problem.size <= 5000:
            return None
        reason = "needs more memory"
        return Outcome(problem=problem.reference, status="skipped", reason=reason)

    lab.refused = refused
    result = search(tmp_path)
    skipped = [row.problem for row in result.rows if row.status == "skipped"]
    assert skipped
    assert len(skipped) == len(set(skipped))
    assert only(result).status == "crosses"
    assert max(only(result).sizes_measured) <= 5000


def test_a_quick_search_leaves_out_what_is_slow(lab: Lab, tmp_path: Path) -> None:
    """Fewer processes, and no size that takes long."""
    plan = CrossoverPlan(families=("mlp-width",), pairs=(PAIR,), threads=(1,), quick=True)
    result = search(tmp_path, plan)
    assert max(only(result).sizes_measured) < 8192
    counts = Counter(row.size for row in result.rows if row.backend == "numpy")
    assert counts[2] == 2
    assert max(counts.values()) <= 8


def test_a_model_of_one_s_own_is_searched_along_its_size(lab: Lab, tmp_path: Path) -> None:
    """Between the smallest and the largest that its file lists, at sizes that it does not."""

    def seconds(backend: str, problem: Problem) -> float:
        seed = [lab.timed.count((backend, problem.reference)), len(backend), problem.size]
        return 1e-6 * (1 + problem.size / 9 if backend == "numpy" else 6.0) * noise(seed)

    lab.seconds = seconds
    model = ROOT / "docs" / "examples" / "points-width.toml"
    plan = CrossoverPlan(families=(), problems=(str(model),), pairs=(PAIR,), threads=(1,))
    result = search(tmp_path, plan)
    crossover = only(result)
    assert (crossover.family, crossover.status) == ("points-width", "crosses")
    assert crossover.size == pytest.approx(45, rel=0.1)
    sizes = crossover.sizes_measured
    assert (min(sizes), max(sizes)) == (4, 256)
    assert not set(sizes) <= {4, 16, 64, 256}


def test_a_model_that_changes_meanwhile_is_refused(lab: Lab, tmp_path: Path) -> None:
    model = tmp_path / "mine.toml"
    model.write_text((ROOT / "docs" / "examples" / "points-width.toml").read_text())
    plan = CrossoverPlan(families=(), problems=(str(model),), pairs=(PAIR,), threads=(1,))

    def edit(done: float, total: float, message: str) -> None:
        if done > 0:
            model.write_text(model.read_text().replace("rate = 0.5", "rate = 0.25"))

    with pytest.raises(UserError, match="a file was changed while it was measured"):
        locate(plan, "box", tmp_path / "results", edit)


def test_a_search_keeps_its_budget(lab: Lab, tmp_path: Path) -> None:
    """Coarse sizes come first; where it is not sure it says how many processes there were."""
    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    result = locate(PLAN, "box", tmp_path, silent, budget_seconds=60.0)
    assert lab.now <= 60 * 1.05
    crossover = only(result)
    assert crossover.status in ("crosses", "not measured")
    assert {2, 8192} <= set(crossover.sizes_measured)
    assert "process" in str(crossover.reason)
    assert result.warnings[-1].code == "budget-spent"
    assert result.budget is not None
    assert result.budget.seconds == 60


# Where 3 + size/100 and 8 + size/200 microseconds are equal.
OVER_TWO = 1000


@pytest.fixture
def joined(lab: Lab) -> Lab:
    """A second process halves the work and costs 5 µs; being joined at all costs 2 µs."""
    lab.missing["torch-ddp-cuda"] = "no CUDA device found"
    costs = {"torch-cpu": (1, 100), "torch-ddp": (3, 100), "torch-ddp@2": (8, 200)}

    def seconds(backend: str, problem: Problem) -> float:
        seed = [lab.timed.count((backend, problem.reference)), len(backend), problem.size]
        fixed, per_second = costs[backend]
        return 1e-6 * (fixed + problem.size / per_second) * noise(seed)

    lab.seconds = seconds
    return lab


def test_from_which_size_up_a_second_process_pays(joined: Lab, tmp_path: Path) -> None:
    """On equal ground, 2 × 1 against 1 × 2."""
    plan = replace(PLAN, pairs=pairs_between((1, 2)), threads=(2,))
    result = search(tmp_path, plan)
    found = {
        (one.incumbent, one.challenger): one
        for one in result.crossovers
        if one.status != "not measured"
    }
    second = found["torch-ddp", "torch-ddp@2"]
    assert (second.status, second.threads) == ("crosses", 2)
    assert second.size == pytest.approx(OVER_TWO, rel=0.1)
    assert found["torch-cpu", "torch-ddp"].status == "never"
    assert found["torch-cpu", "torch-ddp@2"].size == pytest.approx(1400, rel=0.1)
    keys = {(row.problem, row.backend, row.repeat) for row in result.rows}
    assert len(joined.timed) == len(result.rows) == len(keys)
    shares = {(row.backend, row.processes, row.threads) for row in result.rows}
    assert shares == {("torch-cpu", 1, 2), ("torch-ddp", 1, 2), ("torch-ddp@2", 2, 1)}


def many(backend: str, models: int) -> float:
    """In microseconds: 10 for each model one by one, half of that in a pool, else nearly free."""
    if backend.endswith("-sequential"):
        return 10.0 * models
    if backend == "processes":
        return 5.0 * models
    return 9.0 + 0.1 * models if backend == "numpy" else 40.0 + 0.02 * models


def single_trainings_take_long(job: Batch, problem: Problem) -> float:
    if job.backend == "processes":
        return 0.1 if job.check else 2.5
    seconds = 0.15 if problem.models < 10_000 else 0.6
    return seconds / 3 if job.check else seconds


@pytest.mark.parametrize("slower", [1, 4])
def test_a_look_at_many_models_is_over_in_a_minute(lab: Lab, tmp_path: Path, slower: int) -> None:
    """With an answer on a quiet machine; beside a busy one it says what it had no time for."""
    lab.missing["torch-cuda"] = "no CUDA device found"
    lab.start_seconds = 0.5 * slower
    lab.takes = lambda job, problem: slower * single_trainings_take_long(job, problem)
    lab.seconds = lambda backend, problem: (
        1e-6
        * many(backend, problem.models)
        * noise([lab.timed.count((backend, problem.reference)), len(backend), problem.size])
    )
    plan = CrossoverPlan(families=("many-or-gates",), pairs=PAIRS, threads=(2,), quick=True)
    result = search(tmp_path, plan)
    assert lab.now <= 60 * 1.05
    found = {(one.incumbent, one.challenger): one.status for one in result.crossovers}
    if slower == 1:
        assert found["numpy-sequential", "numpy"] == "always"
        assert found["torch-cpu-sequential", "torch-cpu"] == "crosses"
        assert found["numpy", "torch-cpu"] == "crosses"
    else:
        assert "budget-spent" in {warning.code for warning in result.warnings}
