from __future__ import annotations

from collections import Counter
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.answer import Answered
from perceptron.measure.job import Job
from perceptron.problems.problem import Problem
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.study import CrossoverPlan, CrossoverStudy
from tests.conftest import ROOT
from tests.questions.conftest import Lab, carried_out, codes

PAIR = ("numpy", "torch-cpu")
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


def planned(**changes: Any) -> CrossoverPlan:
    fields = {"families": ("mlp-width",), "pair": (":".join(PAIR),), "threads": (1,)}
    return CrossoverPlan(**(fields | changes)).resolved()


def search(results: Path, seconds: float | None = None, **changes: Any) -> Answered:
    return carried_out(CrossoverStudy(), planned(**changes), results, seconds)


def pairs(answered: Answered) -> dict[tuple[str, str], Crossover]:
    return {
        (crossover.incumbent, crossover.challenger): crossover
        for crossover in answered.answer.data["crossovers"]
    }


def only(answered: Answered) -> Crossover:
    (crossover,) = pairs(answered).values()
    return crossover


def test_search_finds_crossover_with_dense_repeats(lab: Lab, tmp_path: Path) -> None:
    """Decided, within its interval, with more repeats around it than elsewhere."""
    answered = search(tmp_path)
    crossover = only(answered)
    assert (crossover.status, crossover.decided) == ("crosses", "yes")
    assert (crossover.incumbent, crossover.challenger) == PAIR
    assert crossover.size == pytest.approx(TRUTH, rel=0.1)
    assert crossover.low is not None
    assert crossover.high is not None
    assert crossover.low <= crossover.size <= crossover.high
    assert {2, 8192} <= set(crossover.sizes_measured)
    counts = Counter(row.size for row in answered.run.times if row.backend == "numpy")
    assert crossover.bracket is not None
    assert min(counts[size] for size in crossover.bracket) >= 8 > counts[2] == counts[8192]
    assert len(lab.timed) == len(answered.run.times)
    assert (answered.results / "measurements.jsonl").exists()


def test_search_from_cold_spreads_start_over_iterations(lab: Lab, tmp_path: Path) -> None:
    """2 s to prepare over 100 iterations outweigh microseconds: torch-cpu never wins."""
    data = search(tmp_path, iterations=100).answer.data
    assert data["from_cold"]["iterations"] == 100
    assert [crossover.status for crossover in data["from_cold"]["crossovers"]] == ["never"]
    largest = max(data["amortisation"], key=lambda amortisation: amortisation.size)
    gained = (cost("numpy", largest.size) - cost("torch-cpu", largest.size)) * 1e-6
    assert largest.faster == "torch-cpu"
    assert largest.iterations == pytest.approx(1.999 / gained, rel=0.05)


def test_search_backend_unavailable_gives_reason(lab: Lab, tmp_path: Path) -> None:
    """One row for each end, and the other pairs are judged all the same, the CPU's first."""
    lab.missing["torch-cuda"] = "no CUDA device found"
    answered = search(tmp_path, pair=(), backends=("torch-cuda", *PAIR))
    assert list(pairs(answered)) == [PAIR, *((backend, "torch-cuda") for backend in PAIR)]
    assert pairs(answered)[PAIR].status == "crosses"
    for backend in PAIR:
        absent = pairs(answered)[backend, "torch-cuda"]
        assert absent.status == "not measured"
        assert absent.reason == "torch-cuda: no CUDA device found"
    skipped = [row.problem for row in answered.run.times if row.status == "skipped"]
    assert len(skipped) == len(set(skipped))
    assert "torch-cuda" not in {backend for backend, _ in lab.timed}


def test_search_quick_skips_slow_sizes(lab: Lab, tmp_path: Path) -> None:
    """Fewer repeats, and no size that takes long."""
    answered = search(tmp_path, quick=True)
    assert max(only(answered).sizes_measured) < 8192
    counts = Counter(row.size for row in answered.run.times if row.backend == "numpy")
    assert counts[2] == 2
    assert max(counts.values()) <= 8


def test_search_model_file_along_its_size(lab: Lab, tmp_path: Path) -> None:
    """Between the smallest and the largest that its file lists, at sizes that it does not."""

    def seconds(backend: str, problem: Problem) -> float:
        seed = [lab.timed.count((backend, problem.reference)), len(backend), problem.size]
        return 1e-6 * (1 + problem.size / 9 if backend == "numpy" else 6.0) * noise(seed)

    lab.seconds = seconds
    model = ROOT / "docs" / "examples" / "points-width.toml"
    crossover = only(search(tmp_path, families=(), problems=(str(model),)))
    assert (crossover.family, crossover.status) == ("points-width", "crosses")
    assert crossover.size == pytest.approx(45, rel=0.1)
    sizes = crossover.sizes_measured
    assert (min(sizes), max(sizes)) == (4, 256)
    assert not set(sizes) <= {4, 16, 64, 256}


def test_search_thread_counts_are_separate(lab: Lab, tmp_path: Path) -> None:
    """No row of one counts for another."""
    answered = search(tmp_path, threads=(1, 2))
    by_threads = {crossover.threads: crossover for crossover in answered.answer.data["crossovers"]}
    assert set(by_threads) == {1, 2}
    for crossover in by_threads.values():
        assert crossover.size == pytest.approx(TRUTH, rel=0.1)
    keys = {(row.problem, row.backend, row.threads, row.repeat) for row in answered.run.times}
    assert len(keys) == len(answered.run.times) == len(lab.timed)


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


def test_search_finds_size_where_second_process_pays(joined: Lab, tmp_path: Path) -> None:
    """On equal ground, 2 × 1 against 1 × 2."""
    answered = search(tmp_path, pair=(), over=(1, 2), threads=(2,))
    crossovers = pairs(answered)
    second = crossovers["torch-ddp", "torch-ddp@2"]
    assert (second.status, second.threads) == ("crosses", 2)
    assert second.size == pytest.approx(OVER_TWO, rel=0.1)
    assert crossovers["torch-cpu", "torch-ddp"].status == "never"
    assert crossovers["torch-cpu", "torch-ddp@2"].size == pytest.approx(1400, rel=0.1)
    rows = [row for row in answered.run.times if row.status == "ok"]
    keys = {(row.problem, row.backend, row.repeat) for row in rows}
    assert len(joined.timed) == len(rows) == len(keys)
    shares = {(row.backend, row.processes, row.threads) for row in rows}
    assert shares == {("torch-cpu", 1, 2), ("torch-ddp", 1, 2), ("torch-ddp@2", 2, 1)}


def many(backend: str, models: int) -> float:
    """In microseconds: 10 for each model sequentially, half of that in a pool, else nearly free."""
    if backend.endswith("-sequential"):
        return 10.0 * models
    if backend == "processes":
        return 5.0 * models
    return 9.0 + 0.1 * models if backend == "numpy" else 40.0 + 0.02 * models


def single_trainings_take_long(job: Job, problem: Problem) -> float:
    if job.backend == "processes":
        return 0.1 if job.step == "check" else 2.5
    seconds = 0.15 if problem.models < 10_000 else 0.6
    return seconds / 3 if job.step == "check" else seconds


@pytest.mark.parametrize("slower", [1, 4])
def test_search_quick_of_many_models_ends_in_a_minute(
    lab: Lab, tmp_path: Path, slower: int
) -> None:
    """With an answer on a quiet machine; beside a busy one it says what it had no time for."""
    lab.missing["torch-cuda"] = "no CUDA device found"
    lab.start_seconds = 0.5 * slower
    lab.takes = lambda job, problem: slower * single_trainings_take_long(job, problem)
    lab.seconds = lambda backend, problem: (
        1e-6
        * many(backend, problem.models)
        * noise([lab.timed.count((backend, problem.reference)), len(backend), problem.size])
    )
    answered = search(tmp_path, families=("many-or-gates",), pair=(), threads=(2,), quick=True)
    assert lab.now <= 60 * 1.05
    statuses = {pair: crossover.status for pair, crossover in pairs(answered).items()}
    if slower == 1:
        assert statuses["numpy-sequential", "numpy"] == "always"
        assert statuses["torch-cpu-sequential", "torch-cpu"] == "crosses"
        assert statuses["numpy", "torch-cpu"] == "crosses"
    else:
        assert "budget-spent" in codes(answered)


def test_families_share_their_processes(lab: Lab, tmp_path: Path) -> None:
    """Three take no more than one: starting one takes seconds where it starts a GPU."""
    started = []
    for families in (("mlp-width",), ("mlp-width", "perceptron-rows", "mlp-batch")):
        lab.starts.clear()
        search(tmp_path / str(len(families)), families=families)
        started.append(Counter(lab.starts))
    assert started[0] == started[1]
