"""What is measured beside the rungs where there is a device beside the host."""

from __future__ import annotations

from dataclasses import replace
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


def test_what_only_a_device_tells_comes_before_more_of_the_same(lab: Lab, tmp_path: Path) -> None:
    """Of every extra there is one process before any has a second."""
    study.overhead(PLAN, "box", tmp_path, silent)
    order = [job.extra for job in lab.jobs if job.extra not in (None, "kernels")]
    # One of the host and one of each library come first.
    again = next(at for at, extra in enumerate(order) if order[: at + 1].count("ceilings") == 4)
    assert set(order[:again]) == {"harness", "ceilings", "device", "phases", "profile", "energy"}


def test_ceilings_are_in_float32_and_the_rest_as_the_rung(lab: Lab, tmp_path: Path) -> None:
    plan = study.OverheadPlan(threads=1, quick=True, dtype="float64", backends=PLAN.backends)
    study.overhead(plan, "box", tmp_path, silent)
    dtypes = {(job.extra, job.dtype) for job in lab.jobs if job.extra not in (None, "kernels")}
    assert ("ceilings", "float32") in dtypes
    assert ("energy", "float64") in dtypes


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


def test_a_part_that_fails_is_tried_again_by_the_start_that_continues(
    lab: Lab, tmp_path: Path
) -> None:
    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    working = lab.measure_extra
    lab.measure_extra = lambda job: (
        Outcome(problem=job.problems[0], status="failed", reason="a bus error")
        if job.extra == "device"
        else working(job)
    )
    first = study.overhead(PLAN, "box", tmp_path, silent, budget_seconds=20.0)
    assert {part.reason for part in first.device} == {"a bus error"}
    assert any("device of torch-cuda: a bus error" in w.message for w in first.warnings)
    lab.measure_extra = working
    second = study.overhead(PLAN, "box", tmp_path, silent, budget_seconds=120.0)
    assert second.results == first.results
    assert {part.name for part in second.device if part.seconds} == set(PARTS["device"])


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


def test_a_profile_that_fails_is_a_warning_and_is_tried_once(lab: Lab, tmp_path: Path) -> None:
    working = lab.measure_extra
    lab.measure_extra = lambda job: (
        Outcome(problem=job.problems[0], status="failed", reason="the profiler saw no kernel")
        if job.extra == "profile"
        else working(job)
    )
    result = study.overhead(PLAN, "box", tmp_path, silent)
    assert len(measured(lab, "profile")) == 3
    messages = {w.message for w in result.warnings if w.code == "not-measured"}
    assert "profile of jax-cuda: the profiler saw no kernel" in messages
    assert {rung.kernels_profiled for rung in result.rungs} == {None}


def test_what_a_profiler_counted_is_kept_for_the_start_that_continues(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(study.judge, "ladder", power_cut)
        with pytest.raises(KeyboardInterrupt):
            study.overhead(PLAN, "box", tmp_path, silent)
    result = study.overhead(PLAN, "box", tmp_path, silent)
    assert len(measured(lab, "profile")) == 3
    assert [rung.kernels_profiled for rung in result.rungs] == [None, 26, 26, 26]


def test_nothing_is_asked_of_a_device_in_other_processes(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profiler here would see no kernel of theirs; their phases are measured as any others."""
    name = "torch-ddp-cuda@2"
    monkeypatch.setitem(ACCELERATORS, name, _AnotherLibrary())
    study.overhead(replace(PLAN, backends=(name, "numpy"), threads=2), "box", tmp_path, silent)
    asked = {job.extra for job in lab.jobs if job.backend == name}
    assert asked == {None, "phases"}
