"""What is measured beside the rungs where there is a device beside the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.overhead.roofline import roof
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.measure.job import Job, Outcome, Part
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import overhead as study
from perceptron.studies import overhead_extras
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab, parts_of

PLAN = study.OverheadPlan(
    threads=1, backends=("numpy", "torch-cuda-graph", "torch-cuda", "jax-cuda")
)
PARTS = {
    "phases": {"forward": 1e-5},
    "ceilings": {"product": 1.0, "copy": 1.0},
    "harness": {"call": 1e-7},
    "kernels": {"kernels": 0.0},
    "device": {"context": 0.5, "host to device": 1e-3},
    "profile": {"gemm": 1e-6, "sum": 2e-6},
}
NO_COUNTER = "this GPU has no energy counter"


class _OneLibrary:
    """Drives a device."""


class _AnotherLibrary:
    """Drives the same device."""


ACCELERATORS = {
    "torch-cuda": _OneLibrary(),
    "torch-cuda-graph": _OneLibrary(),
    "jax-cuda": _AnotherLibrary(),
}


def energy(job: Job) -> Outcome:
    part = Part(
        name="energy", work=1.0, seconds=1e-4, samples=[1e-4], iterations=1, energy_joules=0.01
    )
    return Outcome(problem=job.problems[0], parts=(part,))


@pytest.fixture
def lab(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A device that two libraries drive, one of them for two rungs."""
    monkeypatch.setattr(
        overhead_extras, "accelerator_of", lambda backend: ACCELERATORS.get(backend.name)
    )
    lab.measure_extra = lambda job: (
        energy(job) if job.extra == "energy" else parts_of(job, PARTS[str(job.extra)])
    )
    return lab


def measured(lab: Lab, extra: str) -> list[str]:
    return [job.backend for job in lab.jobs if job.extra == extra]


def test_each_library_measures_its_device(lab: Lab, tmp_path: Path) -> None:
    """Ceilings and energy once, the first by the usual backend; what it costs in a few processes.

    The CPU's ceilings are those of numpy, in a few processes as ever.
    """
    result = study.overhead(PLAN, "box", tmp_path, silent)
    assert sorted(measured(lab, "ceilings")) == ["jax-cuda", *["numpy"] * 3, "torch-cuda"]
    assert measured(lab, "device") == ["torch-cuda", "jax-cuda"] * 3
    assert measured(lab, "energy") == ["torch-cuda-graph", "torch-cuda", "jax-cuda"]
    assert {(limits.device, limits.backend) for limits in result.ceilings} == {
        ("cpu", "numpy"),
        ("cuda", "torch-cuda"),
        ("cuda", "jax-cuda"),
    }
    assert roof(result.ceilings, "cuda") is not None
    assert {(part.backend, part.name) for part in result.device} == {
        (backend, name) for backend in ("torch-cuda", "jax-cuda") for name in PARTS["device"]
    }
    joules = [rung.energy_joules_per_iteration for rung in result.rungs]
    assert joules == [None, *[pytest.approx(0.01)] * 3]
    assert result.rungs[1].ceiling == "torch-cuda (cuda)"


def test_a_device_that_counts_no_energy_says_so_and_is_asked_once(lab: Lab, tmp_path: Path) -> None:
    """The reason is a row: it is there when the run is read again. Nobody is warned of it."""
    counting = lab.measure_extra
    lab.measure_extra = lambda job: (
        Outcome(problem=job.problems[0], status="skipped", reason=NO_COUNTER)
        if job.extra == "energy"
        else counting(job)
    )
    result = study.overhead(PLAN, "box", tmp_path, silent)
    assert len(measured(lab, "energy")) == 3
    assert "not-measured" not in {warning.code for warning in result.warnings}
    assert result.results is not None
    for judged in (result, judge_ladder(read_run(result.results))):
        rung = next(rung for rung in judged.rungs if rung.backend == "torch-cuda")
        assert (rung.energy_joules_per_iteration, rung.energy_reason) == (None, NO_COUNTER)
        assert rung.seconds_per_iteration is not None


def test_a_device_that_is_not_there_is_asked_nothing(lab: Lab, tmp_path: Path) -> None:
    lab.missing.update(dict.fromkeys(ACCELERATORS, "no CUDA device found"))
    result = study.overhead(PLAN, "box", tmp_path, silent)
    assert measured(lab, "device") == measured(lab, "energy") == []
    assert {limits.name for limits in result.ceilings} == {"numpy (cpu)"}
    assert result.device == []


def test_a_profiler_counts_what_each_backend_on_a_device_runs(lab: Lab, tmp_path: Path) -> None:
    """Each of the two kernels 13 times an iteration; kept with the run, in no row."""
    result = study.overhead(PLAN, "box", tmp_path, silent)
    on_device = ["torch-cuda-graph", "torch-cuda", "jax-cuda"]
    assert measured(lab, "profile") == on_device
    assert not [row for row in result.rows if row.phase in PARTS["profile"]]
    for judged in (result, judge_ladder(read_run(result.results))):
        profiled = {rung.backend: rung.kernels_profiled for rung in judged.rungs}
        assert profiled == {"numpy": None, **dict.fromkeys(on_device, 26)}
