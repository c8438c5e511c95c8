"""The cost breakdown on workers that only pretend: its variants, what explains them, its budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import Answered
from perceptron.backends.ladder import variants
from perceptron.measure.budget import GRACE
from perceptron.measure.job import Extra, Job, Outcome, Time
from perceptron.problems.problem import Problem
from perceptron.questions.answering import answer_run, collect
from perceptron.questions.overhead import study as study
from perceptron.questions.overhead.ladder import Variant
from perceptron.questions.overhead.study import Overhead, OverheadPlan
from perceptron.records.measurement import Status
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.row import times
from tests.questions.conftest import Lab, carried_out, parts_of

LADDER = variants("cpu", batches=False)  # that of the OR gate
LOADER = "torch-cpu-dataloader"
PARTS = {
    "phases": {"forward": 4e-5, "backward": 1e-4},
    "ceiling": {"product": 1.0, "copy": 1.0},
    "harness": {"call": 1e-7},
    "kernels": {"kernels": 0.0},
    "device": {"context": 0.5},
    "profile": {"gemm": 1e-6, "sum": 2e-6},
}


def parts(job: Extra) -> Outcome:
    return parts_of(PARTS[job.extra])


def extras_of(lab: Lab) -> list[Extra]:
    return [job for job in lab.jobs if isinstance(job, Extra)]


@pytest.fixture
def lab(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Backends whose iterations take as long as their place on the ladder says; no GPU."""
    lab.seconds = lambda backend, problem: 1e-4 / (1 + list(variants("cpu")).index(backend)) ** 2
    lab.measure_extra = parts
    monkeypatch.setattr(study, "usable_cores", lambda: 2)
    for device, name in (("cuda", "CUDA"), ("mps", "MPS"), ("xpu", "XPU")):
        there = (*variants(device), *variants(device, models=True))
        lab.missing.update(dict.fromkeys(there, f"no {name} device found"))
    return lab


def planned(**fields: Any) -> OverheadPlan:
    return OverheadPlan(**{"threads": 1, **fields}).resolved()


def climb(plan: OverheadPlan, results: Path, budget: float | None = None) -> Answered:
    return carried_out(Overhead(), plan, results, budget)


def variants_of(answered: Answered) -> list[Variant]:
    rungs: list[Variant] = answered.answer.data["rungs"]
    return rungs


def test_overhead_study_measures_every_variant(lab: Lab, tmp_path: Path) -> None:
    """Every variant in every process; a GPU that is not there is one line with its reason.

    NumPy and what stands below it in float64, PyTorch in float32, as published; --dtype has the
    last word.
    """
    answered = climb(planned(quick=True), tmp_path)
    variants, data = variants_of(answered), answered.answer.data
    assert [variant.backend for variant in variants] == [*LADDER, "torch-cuda"]
    assert len([variant for variant in variants if variant.seconds_per_iteration]) >= 10
    assert variants[-1].reason == "no CUDA device found"
    assert variants[0].kernels_per_iteration == 1
    assert len(lab.timed) == 3 * len(LADDER)
    assert [phase.phase for phase in data["phases"]] == ["forward", "backward"]
    assert data["harness"]["seconds"] == pytest.approx(1e-7)
    dtypes = {job.backend: job.dtype for job in lab.jobs if isinstance(job, Time)}
    assert {dtypes[name] for name in ("numpy", "python", "numba", "jax-cpu")} == {"float64"}
    assert {dtypes[name] for name in LADDER if name.startswith("torch")} == {"float32"}
    assert planned(dtype="float32").dtype_of("numpy") == "float32"
    assert planned(problem="mlp-width:8").dtype_of("numpy") == "float32"


def test_overhead_study_variant_without_time_gives_reason(lab: Lab, tmp_path: Path) -> None:
    lab.takes = lambda job, problem: 0.1 if job.step == "check" else 1.0
    variants = variants_of(climb(planned(), tmp_path, budget=8.0))
    assert lab.now <= 8 * 1.05
    reasons = {variant.reason for variant in variants if variant.seconds_per_iteration is None}
    assert reasons == {"no CUDA device found", "the run ended before its turn"}


def test_overhead_study_ladder_over_processes_is_separate(lab: Lab, tmp_path: Path) -> None:
    """It starts with the most, has the phases of each, and stands beside the usual one."""
    over = variants("cpu", batches=False, processes=(1, 2))
    lab.seconds = lambda backend, problem: 1e-4 / (1 + list(over).index(backend)) ** 2
    answered = climb(planned(threads=2, over_processes=(1, 2), quick=True), tmp_path)
    rungs = variants_of(answered)
    assert [variant.backend for variant in rungs] == [*over, "torch-cuda"]
    assert [variant.removes for variant in rungs[:3]] == list(over.values())[:3]
    assert rungs[-1].removes == variants("cuda", batches=False)["torch-cuda"]
    rows = times(answered.run.rows)
    of_two = [row for row in rows if row.backend == "torch-ddp@2" and row.phase]
    assert {row.family for row in of_two} == {"or-gate"}
    assert {(row.processes, row.threads) for row in of_two} == {(2, 1)}
    phased = {phase.backend for phase in answered.answer.data["phases"]}
    assert phased >= {"torch-ddp@2", "torch-ddp", "torch-cpu"}
    climb(planned(threads=2, quick=True), tmp_path)
    stored = [
        variants_of(answered)[0].backend for answered in collect(tmp_path).studies["overhead"]
    ]
    assert sorted(stored) == ["torch-cpu", "torch-ddp@2"]


def test_overhead_study_unsupported_variant_gives_reason(lab: Lab, tmp_path: Path) -> None:
    """The others are climbed as ever, and no warning says again what the line says."""
    no_adam = "takes sgd, not adam"

    def refusal(backend: str) -> Outcome | None:
        return Outcome(status="skipped", reason=no_adam) if backend == "python" else None

    lab.refused = lambda backend, problem: refusal(backend)
    lab.measure_extra = lambda job: refusal(job.backend) or parts(job)
    backends = ("torch-cpu", "numpy", "python")
    answered = climb(planned(problem="digits", backends=backends, quick=True), tmp_path)
    assert [variant.reason for variant in variants_of(answered)] == [None, None, no_adam]
    assert f"not measured: {no_adam}" in answered.answer.tables[0].rows[2]
    assert [warning for warning in answered.warnings if warning.code == "not-measured"] == []


def test_taking_a_batch_is_a_phase_of_its_own(lab: Lab, tmp_path: Path) -> None:
    """The first, before forward; together they are the iteration. A loader is the first variant."""
    phases = {"batch": 1e-5, "forward": 4e-5, "backward": 1e-4, "optimizer step": 3e-4}
    lab.measure_extra = lambda job: parts_of((PARTS | {"phases": phases})[job.extra])
    lab.seconds = lambda backend, problem: 3e-4 if backend.startswith("torch") else 1e-4
    plan = planned(problem="digits", backends=("torch-cpu", "numpy"), quick=True)
    answered = climb(plan, tmp_path)
    data = answered.answer.data
    assert [phase.phase for phase in data["phases"]] == list(phases)
    assert data["phases"][0].seconds_per_iteration == pytest.approx(1e-5)
    assert data["phases"][-1].seconds_per_iteration == pytest.approx(2e-4)
    (whole,) = data["phases_of_whole"]
    assert whole.phases_seconds == pytest.approx(3e-4)
    assert answered.answer.tables[1].rows[0][:2] == ("torch-cpu", "batch")
    assert planned(problem="digits").backends[0] == LOADER
    assert LOADER not in planned().backends


ON_DEVICE = ["torch-cuda-graph", "torch-cuda"]
ON_GPU = {"dtype": "float64", "backends": ("numpy", *ON_DEVICE)}
NO_COUNTER = "this GPU has no energy counter"
NO_KERNEL = "the profiler saw no kernel"


@pytest.fixture
def device(lab: Lab) -> Lab:
    """A device that counts no energy, and shows a profiler nothing of one of two variants."""

    def measure(job: Extra) -> Outcome:
        if job.extra == "energy":
            return Outcome(status="skipped", reason=NO_COUNTER)
        if (job.extra, job.backend) == ("profile", "torch-cuda"):
            return Outcome(status="failed", reason=NO_KERNEL)
        return parts(job)

    lab.missing.clear()
    lab.measure_extra = measure
    lab.seconds = lambda backend, problem: 1e-6
    return lab


def test_overhead_study_device_extras_run_once(device: Lab, tmp_path: Path) -> None:
    """Ceilings in float32 whatever the variants' dtype; each question once, with the run.

    That there is no energy is a row, and nobody is warned; a profile that failed is a warning.
    """
    result = climb(planned(**ON_GPU), tmp_path)
    extras = {
        extra: [(job.backend, job.dtype) for job in extras_of(device) if job.extra == extra]
        for extra in ("ceiling", "energy", "profile")
    }
    assert sorted(extras["ceiling"]) == [("numpy", "float32")] * 3 + [("torch-cuda", "float32")]
    for extra in ("energy", "profile"):
        assert sorted(extras[extra]) == sorted((name, "float64") for name in ON_DEVICE)
    messages = [warning.message for warning in result.warnings if warning.code == "not-measured"]
    assert messages == [f"profile of torch-cuda: {NO_KERNEL}"]
    for judged in (result, answer_run(read_run(result.results))):
        variants = variants_of(judged)
        by_backend = {variant.backend: variant for variant in variants}
        # Each of the two kernels 13 times an iteration.
        profiled = [by_backend[name].kernels_profiled for name in ("numpy", *ON_DEVICE)]
        assert profiled == [None, 26, None]
        assert [by_backend[name].energy_reason for name in ON_DEVICE] == [NO_COUNTER] * 2
        assert {variant.energy_joules_per_iteration for variant in variants} == {None}
        assert all(variant.seconds_per_iteration for variant in variants)


def test_overhead_study_resume_keeps_device_extras(device: Lab, tmp_path: Path) -> None:
    """Nothing is measured twice, and nothing lost that a device told."""
    plan = planned(dtype="float64", backends=("torch-cpu", *ON_DEVICE), quick=True)
    device.power_cut_after = 4
    with pytest.raises(KeyboardInterrupt):
        climb(plan, tmp_path)
    device.power_cut_after = None
    answered = climb(plan, tmp_path)
    assert len(device.timed) == 3 * 3
    extras = [(job.extra, job.backend) for job in extras_of(device)]
    assert [extras.count((extra, ON_DEVICE[0])) for extra in ("profile", "energy")] == [1, 1]
    keys = [(row.backend, row.repeat, row.family, row.phase) for row in times(answered.run.rows)]
    assert len(keys) == len(set(keys))
    profiled = {variant.backend: variant.kernels_profiled for variant in variants_of(answered)}
    assert profiled == {"torch-cpu": None, "torch-cuda-graph": 26, "torch-cuda": None}
    assert answered.answer.data["phases"]


GATES = "many-or-gates:1024"
OF_MODELS = variants("cpu", batches=False, models=True)
SINGLE = {name for name in OF_MODELS if name.endswith("-sequential") or name == "processes"}


@pytest.fixture
def slow_singles(lab: Lab) -> Callable[[set[str], float], None]:
    """Many models; some variants take the given seconds."""
    lab.start_seconds = 0.2
    lab.seconds = lambda backend, problem: 1e-6

    def take(names: set[str], seconds: float) -> None:
        def takes(job: Job, problem: Problem) -> float:
            return (
                (seconds / 2 if job.step == "check" else seconds) if job.backend in names else 0.1
            )

        lab.takes = takes

    return take


@pytest.mark.parametrize(("seconds", "quick"), [(12.0, False), (1e6, True)])
def test_overhead_study_budget_holds_with_slow_variants(
    lab: Lab,
    slow_singles: Callable[[set[str], float], None],
    tmp_path: Path,
    seconds: float,
    quick: bool,
) -> None:
    """All variants that train at once are measured all the same."""
    slow_singles(SINGLE, seconds)
    plan = planned(problem=GATES, threads=2, quick=quick)
    rows = times(climb(plan, tmp_path).run.rows)
    assert lab.now <= plan.budget_seconds * (1 + GRACE)
    measured = Counter(row.backend for row in rows if row.phase is None and row.seconds)
    assert all(measured[name] for name in OF_MODELS.keys() - SINGLE)


def test_overhead_study_endless_variant_is_named(
    slow_singles: Callable[[set[str], float], None], tmp_path: Path
) -> None:
    """By a warning, and where its time would stand; all others have theirs."""
    slow_singles({"numba-sequential"}, 1e6)
    answered = climb(planned(problem=GATES, threads=2), tmp_path)
    for judged in (answered, answer_run(read_run(answered.results))):
        reasons = {
            variant.backend: variant.reason for variant in variants_of(judged) if variant.reason
        }
        assert reasons.pop("torch-cuda") == "no CUDA device found"
        assert list(reasons) == ["numba-sequential"]
        assert str(reasons["numba-sequential"]).startswith("did not end within ")
    (hangs,) = [warning.message for warning in answered.warnings if warning.code == "no-end"]
    assert hangs.startswith(f"numba-sequential at {GATES} did not end within ")


def test_overhead_study_refused_extra_is_tried_once(lab: Lab, tmp_path: Path) -> None:
    """A failure is one warning; a refusal, which its variant would say too, is none."""

    def refused(status: Status) -> Callable[[Extra], Outcome]:
        def answer(job: Extra) -> Outcome:
            if (job.extra, job.backend) != ("phases", "torch-cpu"):
                return parts(job)
            return Outcome(status=status, reason="no batches")

        return answer

    for status, warned in (("skipped", 0), ("failed", 1)):
        lab.jobs.clear()
        lab.measure_extra = refused(status)
        plan = planned(quick=True, backends=("torch-cpu", "numpy"))
        answered = climb(plan, tmp_path / status)
        backends = [job.backend for job in extras_of(lab) if job.extra == "phases"]
        assert backends.count("torch-cpu") == 3
        assert len([row for row in times(answered.run.rows) if row.phase is None]) == 3 * 2
        assert answered.answer.data["ceilings"] is not None
        messages = [warning.message for warning in answered.warnings if "phases" in warning.message]
        assert len(messages) == warned
        assert "budget-spent" not in {warning.code for warning in answered.warnings}


def test_overhead_study_repeats_variants_before_extras(device: Lab, tmp_path: Path) -> None:
    """An interval needs them; of what explains, a device's comes first and phases last."""
    climb(planned(**ON_GPU), tmp_path)
    jobs = [job for job in device.jobs if job.step == "measure"]
    order = [job.extra if isinstance(job, Extra) else "variant" for job in jobs]
    assert order.index("profile") == 3 * len(ON_GPU["backends"])
    first = list(dict.fromkeys(order))
    assert first[:4] == ["variant", "profile", "energy", "device"]
    assert first[-1] == "phases"
