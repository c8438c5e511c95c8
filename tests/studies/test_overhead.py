from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.stored.collection import collect
from perceptron.backends.ladder import rungs
from perceptron.measure.job import Outcome
from perceptron.problems import catalogue
from perceptron.studies import overhead as study
from perceptron.studies.overhead_plan import rungs_over
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab, parts_of

LADDER = rungs("cpu", batches=False)  # that of the OR gate
LOADER = "torch-cpu-dataloader"
PARTS = {
    "phases": {"forward": 4e-5, "backward": 1e-4},
    "ceilings": {"product": 1.0, "copy": 1.0},
    "harness": {"call": 1e-7},
    "kernels": {"kernels": 0.0},
}


@pytest.fixture
def lab(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Backends whose iterations take as long as their place on the ladder says."""
    lab.seconds = lambda backend, problem: 1e-4 / (1 + list(rungs("cpu")).index(backend)) ** 2
    lab.measure_extra = lambda job: parts_of(job, PARTS[str(job.extra)])
    monkeypatch.setattr(study, "usable_cores", lambda: 2)
    for device, name in (("cuda", "CUDA"), ("mps", "MPS"), ("xpu", "XPU")):
        lab.missing.update(dict.fromkeys(rungs(device), f"no {name} device found"))
    return lab


def extras(lab: Lab) -> list[tuple[str, str]]:
    """Return the extras that were measured; kernels are counted at every start."""
    return [(job.backend, job.extra) for job in lab.jobs if job.extra not in (None, "kernels")]


def test_a_loader_is_a_rung_where_there_are_batches() -> None:
    """The first; a problem whose rows are one batch has the ladder that it always had."""
    assert study.OverheadPlan(problem=catalogue.find("digits")).backends[0] == LOADER
    assert LOADER not in study.OverheadPlan().backends


def test_a_rung_that_refuses_the_problem_says_why_and_nothing_else_does(
    lab: Lab, tmp_path: Path
) -> None:
    """Its phases and kernels are not there for the same reason: no warning says it again."""

    def refusal(reference: str) -> Outcome:
        return Outcome(problem=reference, status="skipped", reason="loads batches")

    lab.refused = lambda name, problem: refusal(problem.reference) if name == LOADER else None
    lab.measure_extra = lambda job: (
        refusal(job.problems[0]) if job.backend == LOADER else parts_of(job, PARTS[str(job.extra)])
    )
    plan = study.OverheadPlan(quick=True, threads=1, backends=(LOADER, "torch-cpu"))
    result = study.overhead(plan, "box", tmp_path, silent)
    assert [rung.reason for rung in result.rungs] == ["loads batches", None]
    assert "not-measured" not in {warning.code for warning in result.warnings}


def test_the_ladder_is_climbed_whole(lab: Lab, tmp_path: Path) -> None:
    """Every rung in every process; a GPU that is not there is one line with its reason."""
    result = study.overhead(study.OverheadPlan(quick=True, threads=1), "box", tmp_path, silent)
    assert [rung.backend for rung in result.rungs] == [*LADDER, "torch-cuda"]
    assert len([rung for rung in result.rungs if rung.seconds_per_iteration]) >= 10
    assert result.rungs[-1].reason == "no CUDA device found"
    assert result.rungs[0].kernels_per_iteration == 1
    assert len(lab.timed) == 3 * len(LADDER)
    assert [phase.phase for phase in result.phases] == ["forward", "backward"]
    assert result.harness_seconds == pytest.approx(1e-7)


def test_the_walk_through_is_measured_as_published(lab: Lab, tmp_path: Path) -> None:
    """NumPy and what stands below it in float64, PyTorch in float32; --dtype has the last word."""
    study.overhead(study.OverheadPlan(quick=True, threads=1), "box", tmp_path, silent)
    dtypes = {job.backend: job.dtype for job in lab.jobs if not job.extra and not job.check}
    assert {dtypes[name] for name in ("numpy", "python", "numba", "jax-cpu")} == {"float64"}
    assert {dtypes[name] for name in LADDER if name.startswith("torch")} == {"float32"}
    assert study.OverheadPlan(dtype="float32").dtype_of("numpy") == "float32"
    assert study.OverheadPlan(catalogue.find("mlp-width:8")).dtype_of("numpy") == "float32"


def test_an_interrupted_ladder_is_resumed(lab: Lab, tmp_path: Path) -> None:
    """What was measured is not measured again."""
    plan = study.OverheadPlan(quick=True, threads=1, backends=("torch-cpu", "numpy"))
    lab.power_cut_after = 4
    with pytest.raises(KeyboardInterrupt):
        study.overhead(plan, "box", tmp_path, silent)
    lab.power_cut_after = None
    result = study.overhead(plan, "box", tmp_path, silent)
    assert len(lab.timed) == 3 * 2
    keys = [(row.backend, row.process, row.phase) for row in result.rows]
    assert len(keys) == len(set(keys))
    assert result.phases


def test_a_rung_without_time_says_so(lab: Lab, tmp_path: Path) -> None:
    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    plan = study.OverheadPlan(threads=1)
    result = study.overhead(plan, "box", tmp_path, silent, budget_seconds=8.0)
    assert lab.now <= 8 * 1.05
    reasons = {rung.reason for rung in result.rungs if rung.seconds_per_iteration is None}
    begun = {reason for reason in reasons if "did not end in the" in str(reason)}
    assert len(begun) <= 1
    assert reasons - begun == {"no CUDA device found", "the run ended before its turn"}


def test_the_ladder_of_several_processes_is_a_ladder_of_its_own(lab: Lab, tmp_path: Path) -> None:
    """It starts with the most, has the phases of each, and stands beside the usual one."""
    over = rungs("cpu", batches=False, processes=(1, 2))
    lab.seconds = lambda backend, problem: 1e-4 / (1 + list(over).index(backend)) ** 2
    problem = catalogue.find("or-gate")
    plan = study.OverheadPlan(
        problem, backends=rungs_over(problem, (), (1, 2)), threads=2, quick=True
    )
    result = study.overhead(plan, "box", tmp_path, silent)
    assert [rung.backend for rung in result.rungs] == [*over, "torch-cuda"]
    assert [rung.removes for rung in result.rungs[:3]] == list(over.values())[:3]
    assert result.rungs[-1].removes == rungs("cuda", batches=False)["torch-cuda"]
    parts = [row for row in result.rows if row.backend == "torch-ddp@2" and row.phase]
    assert {row.family for row in parts} == {"or-gate"}
    assert {(row.processes, row.threads) for row in parts} == {(2, 1)}
    assert {phase.backend for phase in result.phases} >= {"torch-ddp@2", "torch-ddp", "torch-cpu"}
    study.overhead(study.OverheadPlan(problem, threads=2, quick=True), "box", tmp_path, silent)
    stored = [[rung.backend for rung in ladder.rungs][:1] for ladder in collect(tmp_path).ladders]
    assert sorted(stored) == [["torch-cpu"], ["torch-ddp@2"]]
