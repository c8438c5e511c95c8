"""What `overhead` measures of a device beside its rungs; a host plays the device."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.stored.runs import judge_ladder
from perceptron.measure.job import Job, Outcome
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import overhead as study
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab, parts_of

ON_DEVICE = ["torch-cuda-graph", "torch-cuda"]
PLAN = study.OverheadPlan(threads=1, dtype="float64", backends=("numpy", *ON_DEVICE))
PARTS = {
    "phases": {"forward": 1e-5},
    "ceilings": {"product": 1.0, "copy": 1.0},
    "harness": {"call": 1e-7},
    "kernels": {"kernels": 0.0},
    "device": {"context": 0.5},
    "profile": {"gemm": 1e-6, "sum": 2e-6},
}
NO_COUNTER = "this GPU has no energy counter"
NO_KERNEL = "the profiler saw no kernel"


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """A device that counts no energy, and shows a profiler nothing of one of two rungs."""

    def measure(job: Job) -> Outcome:
        (problem,) = job.problems
        if job.extra == "energy":
            return Outcome(problem=problem, status="skipped", reason=NO_COUNTER)
        if (job.extra, job.backend) == ("profile", "torch-cuda"):
            return Outcome(problem=problem, status="failed", reason=NO_KERNEL)
        return parts_of(job, PARTS[str(job.extra)])

    lab.measure_extra = measure
    return lab


def test_what_a_device_tells_and_what_it_does_not(lab: Lab, tmp_path: Path) -> None:
    """Ceilings in float32 whatever the rungs are in; each question once, its answer with the run.

    That there is no energy is a row, and nobody is warned; a profile that failed is a warning.
    """
    result = study.overhead(PLAN, "box", tmp_path, silent)
    asked = {
        extra: [(job.backend, job.dtype) for job in lab.jobs if job.extra == extra]
        for extra in ("ceilings", "energy", "profile")
    }
    assert sorted(asked["ceilings"]) == [("numpy", "float32")] * 3 + [("torch-cuda", "float32")]
    assert asked["energy"] == asked["profile"] == [(name, "float64") for name in ON_DEVICE]
    messages = [own.message for own in result.warnings if own.code == "not-measured"]
    assert messages == [f"profile of torch-cuda: {NO_KERNEL}"]
    assert result.results is not None
    for judged in (result, judge_ladder(read_run(result.results))):
        rungs = {rung.backend: rung for rung in judged.rungs}
        # Each of the two kernels 13 times an iteration.
        assert [rungs[name].kernels_profiled for name in PLAN.backends] == [None, 26, None]
        assert [rungs[name].energy_reason for name in ON_DEVICE] == [NO_COUNTER] * 2
        assert {rung.energy_joules_per_iteration for rung in judged.rungs} == {None}
        assert all(rung.seconds_per_iteration for rung in judged.rungs)


def test_the_start_that_continues_keeps_what_a_device_told(lab: Lab, tmp_path: Path) -> None:
    """Power that goes with the fourth process takes nothing; what failed is tried once more."""
    lab.power_cut_after = 3 * len(PLAN.backends)
    with pytest.raises(KeyboardInterrupt):
        study.overhead(PLAN, "box", tmp_path, silent)
    lab.power_cut_after = None
    result = study.overhead(PLAN, "box", tmp_path, silent)
    asked = [(job.extra, job.backend) for job in lab.jobs]
    assert [asked.count(("profile", name)) for name in ON_DEVICE] == [1, 2]
    assert [asked.count(("energy", name)) for name in ON_DEVICE] == [1, 1]
    profiled = {rung.backend: rung.kernels_profiled for rung in result.rungs}
    assert profiled == {"numpy": None, "torch-cuda-graph": 26, "torch-cuda": None}
