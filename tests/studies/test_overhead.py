from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from perceptron import command_start, optional
from perceptron.analysis.stored.collection import collect
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.backends.ladder import rungs
from perceptron.cli import app
from perceptron.errors import UserError
from perceptron.measure.job import Job, Outcome
from perceptron.problems import catalogue
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.dashboard import write
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


@pytest.mark.parametrize(
    "command", ["overhead", "map", "crossover --family mlp-batch --pair numpy:torch-cpu"]
)
def test_a_command_keeps_its_budget_where_its_start_and_its_page_take_long(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Within a tenth: it counts from when the command began, and the page belongs to it."""
    if optional.missing("pages") is not None:
        pytest.skip("no page would be written")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_start, "began", -5.0)
    lab.takes = lambda job, problem: 1.5
    written = []

    def write_site(*_: object) -> None:
        lab.now += 6.0
        written.append(lab.now)

    monkeypatch.setattr(write, "write_site", write_site)
    app([*command.split(), "--threads", "1", "--budget", "1"], standalone_mode=False)
    assert written == [lab.now]
    assert 54 < 5 + lab.now <= 66


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


def test_an_interrupted_ladder_is_resumed(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured is not measured again, extras neither."""
    plan = study.OverheadPlan(quick=True, threads=1, backends=("torch-cpu", "numpy"))

    def power_cut(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(study.judge, "ladder", power_cut)
        with pytest.raises(KeyboardInterrupt):
            study.overhead(plan, "box", tmp_path, silent)
    timed, measured = len(lab.timed), extras(lab)
    result = study.overhead(plan, "box", tmp_path, silent)
    assert len(lab.timed) == timed
    assert extras(lab) == measured
    assert result.phases


@pytest.mark.parametrize(
    ("extra", "backend"),
    [
        ("phases", "torch-cpu"),
        ("ceilings", "numpy"),
        ("harness", "numpy"),
        ("kernels", "torch-cpu"),
    ],
)
def test_a_part_that_fails_is_a_warning_with_its_reason(
    lab: Lab, tmp_path: Path, extra: str, backend: str
) -> None:
    """Once, however many processes failed; the rungs are there all the same."""

    def fail(job: Job) -> Outcome:
        if job.extra == extra:
            return Outcome(problem=job.problems[0], status="failed", reason="out of memory")
        return parts_of(job, PARTS[str(job.extra)])

    lab.measure_extra = fail
    plan = study.OverheadPlan(quick=True, threads=1, backends=("torch-cpu", "numpy"))
    result = study.overhead(plan, "box", tmp_path, silent)
    (warning,) = (warning for warning in result.warnings if warning.code == "not-measured")
    assert warning.message == f"{extra} of {backend}: out of memory"
    assert all(rung.seconds_per_iteration for rung in result.rungs)


def test_a_count_that_fails_is_tried_again_by_the_start_that_continues(
    lab: Lab, tmp_path: Path
) -> None:
    """What could be counted is no part of the plan; what was counted is kept with the run."""

    def fail(job: Job) -> Outcome:
        if job.extra == "kernels":
            return Outcome(problem=job.problems[0], status="failed", reason="out of memory")
        return parts_of(job, PARTS[str(job.extra)])

    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    counting = lab.measure_extra
    lab.measure_extra = fail
    plan = study.OverheadPlan(threads=1, backends=("torch-cpu", "numpy"))
    first = study.overhead(plan, "box", tmp_path, silent, budget_seconds=8.0)
    assert first.rungs[0].kernels_per_iteration is None
    lab.measure_extra = counting
    second = study.overhead(plan, "box", tmp_path, silent, budget_seconds=60.0)
    assert second.results == first.results
    assert second.rungs[0].kernels_per_iteration == 1
    assert second.results is not None
    assert judge_ladder(read_run(second.results)).rungs[0].kernels_per_iteration == 1


def test_all_rungs_have_some_processes_before_any_has_more(lab: Lab, tmp_path: Path) -> None:
    """What explains them has its share of the budget, which is kept."""
    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    plan = study.OverheadPlan(threads=1)
    result = study.overhead(plan, "box", tmp_path, silent, budget_seconds=60.0)
    assert lab.now <= 60 * 1.05
    counts = Counter(row.backend for row in result.rows if row.phase is None)
    counts.pop("torch-cuda")
    assert min(counts.values()) >= 3
    assert max(counts.values()) < plan.processes
    assert result.phases
    assert [limits.name for limits in result.ceilings] == ["numpy (cpu)"]
    assert result.harness_seconds is not None
    assert "budget-spent" in {warning.code for warning in result.warnings}


def test_rungs_come_before_what_explains_them(lab: Lab, tmp_path: Path) -> None:
    """Checks take most of the budget, as those of a larger problem do: extras get what is left.

    With a share kept for extras, half of the rungs had no time and ten processes went to phases.
    """
    lab.takes = lambda job, problem: 3.3 if job.check else 1.0
    result = study.overhead(
        study.OverheadPlan(threads=1), "box", tmp_path, silent, budget_seconds=60.0
    )
    assert lab.now <= 60 * 1.05
    assert {rung.reason for rung in result.rungs} == {None, "no CUDA device found"}
    first_extra = next(index for index, job in enumerate(lab.jobs) if job.extra)
    before = {job.backend for job in lab.jobs[:first_extra] if not job.check}
    assert before == set(LADDER)
    assert "not-measured" not in {warning.code for warning in result.warnings}


def test_a_rung_is_timed_once_it_is_checked(lab: Lab, tmp_path: Path) -> None:
    """Where all are checked before any is timed, the budget ends without a single rung."""
    lab.takes = lambda job, problem: 8.0 if job.check else 1.0
    plan = study.OverheadPlan(threads=1)
    result = study.overhead(plan, "box", tmp_path, silent, budget_seconds=60.0)
    assert len([rung for rung in result.rungs if rung.seconds_per_iteration]) >= 5


@pytest.mark.parametrize(("cores", "together"), [(2, 1), (16, 4)])
def test_rungs_start_at_once_where_there_are_cores_to_start_them(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, together: int
) -> None:
    """Starting takes longer than measuring: with a GPU, most of the time that there is."""
    monkeypatch.setattr(study, "usable_cores", lambda: cores)
    study.overhead(study.OverheadPlan(quick=True, threads=1), "box", tmp_path, silent)
    checks = "".join("c" if job.check else "t" for job in lab.jobs if not job.extra)
    assert checks.startswith("c" * together + "t")


def test_a_rung_without_time_says_so(lab: Lab, tmp_path: Path) -> None:
    lab.takes = lambda job, problem: 0.1 if job.check else 1.0
    plan = study.OverheadPlan(threads=1)
    result = study.overhead(plan, "box", tmp_path, silent, budget_seconds=8.0)
    assert lab.now <= 8 * 1.05
    reasons = {rung.reason for rung in result.rungs if rung.seconds_per_iteration is None}
    begun = {reason for reason in reasons if "did not end in the" in str(reason)}
    assert len(begun) <= 1
    assert reasons - begun == {"no CUDA device found", "the run ended before its turn"}


def test_an_unknown_rung_is_named() -> None:
    with pytest.raises(UserError, match="unknown backend 'nunpy': did you mean 'numpy'"):
        study.OverheadPlan(backends=("nunpy",))


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


def test_named_rungs_are_spread_over_processes() -> None:
    problem = catalogue.find("or-gate")
    assert rungs_over(problem, (), ()) == study.OverheadPlan(problem, threads=2).backends
    assert rungs_over(problem, ("torch-ddp", "numpy"), (1, 2)) == (
        "torch-ddp",
        "torch-ddp@2",
        "numpy",
    )
    with pytest.raises(UserError, match="--processes: numpy train in one process"):
        rungs_over(problem, ("numpy",), (2,))
