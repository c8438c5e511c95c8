from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.measure import campaign
from perceptron.measure.budget import GRACE, Budget
from perceptron.measure.job import Call, Extra, Job, Outcome, Time
from perceptron.measure.launch import SecondsLeft, Workers
from perceptron.problems.problem import Problem
from perceptron.questions.bench.study import BenchPlan
from perceptron.questions.shared.missing import missing, size_job
from perceptron.records.environment import Environment
from perceptron.records.row import Row, times
from perceptron.records.run import Run
from perceptron.records.store import RunJournal, open_run
from perceptron.statistics.trust import damaged_line_warning
from tests.made import measured, silent
from tests.questions.conftest import STARTED, Lab, jobs_of

PLAN = BenchPlan(
    families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,), quick=True
).resolved()


def ask(rows: Sequence[Row], left: float) -> list[Time]:
    return missing(jobs_of(PLAN), times(rows))


def measure(
    folder: Path,
    environment: Environment,
    budget: Budget | None = None,
    ask: campaign.Ask = ask,
) -> RunJournal:
    run = Run(
        plan={"test": True},
        machine="box",
        environment=environment.id,
        commit=None,
        started=STARTED,
    )
    with open_run(folder, run, environment) as journal:
        budget = budget or Budget(inf)
        budget.cut_short = not campaign.run_campaign(ask, journal, run, budget, silent)
        return journal


def test_campaign_measures_once_in_turns_after_agreement(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    """A size on all backends before the next one, in changing orders.

    Agreement is shown once, in a process of its own, before the first sample of that backend on
    that problem.
    """
    rows = measure(tmp_path, environment).times
    keys = [(row.problem, row.backend, row.dtype, row.repeat) for row in rows]
    assert len(keys) == len(set(keys)) == len(jobs_of(PLAN))
    timed = [turn for turn in lab.timed if turn[1] != "or-gate"]
    problems = [problem for _, problem in timed]
    assert problems[::2] == problems[1::2]
    assert len({backend for backend, _ in timed[::2]}) == 2
    rounds = [tuple(problems[first : first + 4]) for first in range(0, len(problems), 4)]
    assert len(set(rounds)) > 2
    shown: set[tuple[str, str, str]] = set()
    for job in lab.jobs:
        key = (job.backend, job.problem, str(job.dtype))
        if job.step == "check":
            assert key not in shown
            shown.add(key)
        else:
            assert key in shown


def test_checks_on_a_device_begin_together_and_are_tried_alone_where_that_fails(
    lab: Lab, tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that was short for two is enough for one; what does not agree is checked no more."""
    ahead, checked = list[tuple[str, str]](), Counter[tuple[str, str]]()
    monkeypatch.setattr(
        Workers, "ask", lambda self, name, job: ahead.append((job.backend, job.problem))
    )

    def refused(backend: str, problem: Problem) -> Outcome | None:
        checked[backend, problem.reference] += 1
        is_first = checked[backend, problem.reference] == 1
        fails = backend == "torch-cuda-graph" and (is_first or problem.size == 8)
        return Outcome(status="failed", reason="out of memory") if fails else None

    lab.refused = refused
    plan = replace(PLAN, families=("mlp-width",), beside_finding=(), problems=())
    names = ("numpy", "torch-cuda", "torch-cuda-graph")
    plan = replace(plan, backends=names).resolved()

    def of_devices(rows: Sequence[Row], left: float) -> list[Time]:
        jobs = (job for job in jobs_of(plan) if job.problem != "or-gate")
        return missing(jobs, times(rows))

    rows = measure(tmp_path, environment, ask=of_devices).times
    failed = {(row.backend, row.size) for row in rows if row.status != "ok"}
    assert failed == {("torch-cuda-graph", 8)}
    assert {backend for backend, _ in ahead} == {*names} - {"numpy"}
    assert len(ahead) == len(set(ahead))


def test_campaign_impossible_time_is_a_failure(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    """A backend that returns at once has trained nothing: it is no fastest one."""
    lab.seconds = lambda backend, problem: 1e-15 if backend == "torch-cpu" else 1e-6
    rows = measure(tmp_path, environment).times
    known = {(row.backend == "torch-cpu", row.status, row.seconds) for row in rows}
    assert known == {(False, "ok", 1e-6), (True, "failed", None)}
    assert {row.reason for row in rows} == {None, "seconds: 1e-15 is impossible"}


@pytest.mark.parametrize("cut", [0, 1, 7, 30])
def test_campaign_resume_measures_exactly_the_rest(
    lab: Lab, tmp_path: Path, environment: Environment, cut: int
) -> None:
    """Wherever the power goes, the second start does exactly the rest."""
    lab.power_cut_after = cut
    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path, environment)
    lab.power_cut_after = None
    rows = measure(tmp_path, environment).times
    keys = [(row.problem, row.backend, row.dtype, row.repeat) for row in rows]
    assert len(keys) == len(set(keys)) == len(jobs_of(PLAN))
    # The interruption hits between rows: no problem was timed without leaving its row.
    assert len(lab.timed) <= len(jobs_of(PLAN)) + 1


def test_campaign_damaged_line_is_reported_and_remeasured(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    """The sound rows around it are kept, and the complaint becomes a caution with advice."""
    lab.power_cut_after = 7
    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path, environment)
    (file,) = tmp_path.glob("runs/box/*/measurements.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b"\x00\xff garbage\n", *lines[4:]]))
    lab.power_cut_after = None
    journal = measure(tmp_path, environment)
    assert len(journal.times) == len(jobs_of(PLAN))
    (complaint,) = journal.errors
    assert "measurements.jsonl, line 4: not a measurement" in complaint
    assert damaged_line_warning(complaint).advice == "delete that line; the others were kept"


@pytest.mark.parametrize("step", ["measure", "check"])
def test_campaign_endless_job_is_abandoned_once(
    lab: Lab, tmp_path: Path, environment: Environment, step: str
) -> None:
    """It has no row, as nothing is known of it; all else is measured in what time it leaves."""
    hung = []

    def takes(job: Job, problem: Problem) -> float:
        if (job.backend, problem.name, job.step) != ("torch-cpu", "mlp-width:8", step):
            return 0.1
        hung.append(lab.now)
        return 1e6

    lab.takes = takes
    budget = Budget(100.0, clock=lambda: lab.now)
    rows = measure(tmp_path, environment, budget=budget).times
    assert len(hung) == 1
    assert lab.now <= 100.0
    left_out = {(job.problem, job.backend, job.dtype, job.repeat) for job in jobs_of(PLAN)}
    left_out -= {(row.problem, row.backend, row.dtype, row.repeat) for row in times(rows)}
    assert {named[:2] for named in left_out} == {("mlp-width:8", "torch-cpu")}
    assert {row.status for row in rows} == {"ok"}
    assert [(hang.backend, hang.subject, hang.seconds) for hang in budget.hangs] == [
        ("torch-cpu", "mlp-width:8", 50.0)
    ]


def test_campaign_endless_reference_is_called_once(
    lab: Lab, tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No function is blamed for it, and none is checked against it."""

    def run(job: Job, seconds_left: SecondsLeft) -> Outcome:
        lab.jobs.append(job)
        lab._pass(1e6 if job.backend == "endless" else 0.1, seconds_left, job.backend, job.subject)
        return Outcome(seconds=1e-6, samples=[1e-6], iterations=100)

    monkeypatch.setattr(lab, "run", run)
    jobs = [
        Call(
            problem="own:8",
            backend=name,
            dtype=None,
            threads=1,
            samples=3,
            minimum_seconds=1e-4,
            axes=("size",),
            functions="own.py",
            digest="",
            reference="endless",
        )
        for name in ("good", "fine")
    ]
    budget = Budget(100.0, clock=lambda: lab.now)

    def ask(rows: Sequence[Row], left: float) -> list[Job]:
        known = {row.backend for row in times(rows)}
        return [job for job in jobs if job.backend not in known]

    rows = measure(tmp_path, environment, budget, ask).times
    assert [job.backend for job in lab.jobs] == ["endless"]
    assert {(row.backend, row.status) for row in rows} == {("good", "failed"), ("fine", "failed")}
    assert all("endless, the reference, fails: it did not end" in str(row.reason) for row in rows)


def test_campaign_abandons_job_running_past_budget(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    """A little after the budget; what was begun late is not said to hang."""
    lab.takes = lambda job, problem: 0.9 if lab.now > 4.5 else 0.02 if job.step == "check" else 0.1
    budget = Budget(5.0, clock=lambda: lab.now)
    measure(tmp_path, environment, budget=budget)
    assert lab.now == pytest.approx(5.0 * (1 + GRACE))
    assert not budget.hangs


@pytest.mark.parametrize("new", [0, 1, 3])
@pytest.mark.parametrize(("spare", "longer"), [(0.05, 1), (0.45, 4)])
def test_campaign_begins_new_problem_only_if_all_repeats_fit(
    lab: Lab, tmp_path: Path, environment: Environment, new: int, spare: float, longer: int
) -> None:
    """Those asked for first do; what time is left goes to more repeats of those that have begun.

    That another family takes long says nothing about them.
    """
    lab.takes = lambda job, problem: (
        0.02 if job.step == "check" else 2.0 if problem.family == "mlp-depth" else 0.1
    )
    long, *searched = ("mlp-depth:2", *(f"mlp-width:{size}" for size in range(8, 16)))
    begun = searched[:2]

    def jobs(problems: Sequence[str], repeats: int) -> list[Time]:
        return [
            size_job(problem, backend, "float32", 1, repeat, quick=True)
            for problem in problems
            for backend in PLAN.backends
            for repeat in range(repeats)
        ]

    def search(rows: Sequence[Row], left: float) -> list[Time]:
        rounds = (jobs([long], 3), jobs(begun, 3), [*jobs(begun, 4), *jobs(searched, 3)])
        return next(filter(None, (missing(wanted, times(rows)) for wanted in rounds)), [])

    of_long, of_another = 2 * (0.02 + 3 * 2.0), 2 * (0.02 + 3 * 0.1)
    budget = Budget(of_long + (2 + new) * of_another + spare, clock=lambda: lab.now)
    rows = measure(tmp_path, environment, budget, search).times
    repeats = Counter((row.problem, row.backend) for row in rows)
    assert {problem for problem, _ in repeats} == {long, *searched[: 2 + new]}
    assert Counter(repeats.values()) == {4: longer, 3: len(repeats) - longer}
    assert budget.cut_short


def test_campaign_unavailable_backend_has_rows_without_time(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    lab.missing["torch-cpu"] = "no wheel for this machine"
    budget = Budget(0.5, clock=lambda: lab.now)
    rows = measure(tmp_path, environment, budget=budget).times
    skipped = {row.problem for row in rows if row.status == "skipped"}
    assert skipped == {job.problem for job in jobs_of(PLAN)}


def test_campaign_exclusive_gpu_is_refused_for_two_processes(
    lab: Lab, tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that checks and one that is timed; nothing is checked beside an extra. CPUs go on."""
    monkeypatch.setattr(campaign, "unshareable", lambda: "for one process: share it")
    about = {"problem": "or-gate", "dtype": "float32", "threads": 1, "minimum_seconds": 0.1}
    jobs = [
        *(Time(**about, backend=name) for name in ("numpy", "torch-cuda")),
        Extra(**about, backend="torch-cuda", extra="profile", samples=1),
    ]
    rows = measure(tmp_path, environment, ask=lambda rows, left: [] if rows else jobs).times
    statuses = {(row.backend, row.status, row.reason) for row in rows}
    assert statuses >= {
        ("numpy", "ok", None),
        ("torch-cuda", "skipped", "for one process: share it"),
    }
    assert [job.backend for job in lab.jobs if isinstance(job, Extra)] == ["torch-cuda"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seconds=st.floats(0.5, 200.0),
    start=st.floats(0.0, 5.0),
    longest=st.floats(0.01, 20.0),
    slower=st.floats(1.0, 100.0),
)
def test_never_more_than_the_budget_and_its_grace(
    lab: Lab,
    tmp_path_factory: pytest.TempPathFactory,
    environment: Environment,
    seconds: float,
    start: float,
    longest: float,
    slower: float,
) -> None:
    """Whatever pieces take, and if a neighbour comes in the middle of it."""
    lab.now, lab.start_seconds = 0.0, start

    def takes(job: Job, problem: Problem) -> float:
        own = 0.01 + longest * problem.size / 8192
        return own * (slower if lab.now > seconds / 2 else 1)

    lab.takes = takes
    budget = Budget(seconds, clock=lambda: lab.now)
    rows = measure(tmp_path_factory.mktemp("run"), environment, budget=budget).times
    assert lab.now <= seconds * (1 + GRACE) + 1e-9
    keys = [(row.problem, row.backend, row.repeat) for row in rows]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("seconds", [8.0, 9.0, 11.0, 12.0])
def test_campaign_start_without_time_is_no_hang(
    lab: Lab, tmp_path: Path, environment: Environment, seconds: float
) -> None:
    """The run is cut short, and says nothing of a backend that started before."""
    lab.start_seconds, lab.takes = 0.5, lambda job, problem: 0.1
    budget = Budget(seconds, clock=lambda: lab.now)

    def alone(rows: Sequence[Row], left: float) -> list[Time]:
        return missing([replace(job, lasts=False) for job in jobs_of(PLAN)], times(rows))

    rows = measure(tmp_path, environment, budget, alone).times
    assert 0 < len(rows) < len(jobs_of(PLAN))
    assert not budget.hangs


def test_campaign_ends_short_lived_workers(
    lab: Lab, tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its jobs are done, with what checked for it."""
    ended: list[object] = []
    monkeypatch.setattr(Workers, "end", lambda self, *names: ended.extend(names))

    def first_alone(rows: Sequence[Row], left: float) -> list[Time]:
        every = [replace(job, lasts=job.repeat > 0) for job in jobs_of(PLAN)]
        return missing(every, times(rows))

    measure(tmp_path, environment, ask=first_alone)
    assert {name[3] for name in ended if len(name) > 3} == {0}  # type: ignore[arg-type, index]
    assert {name[0] for name in ended} == {*PLAN.backends, "numpy-published"}  # type: ignore[index]


def test_campaign_partial_iteration_is_no_agreement(
    lab: Lab, tmp_path: Path, environment: Environment
) -> None:
    """A row of a part of one shows no agreement."""
    lab.power_cut_after = 0
    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path, environment)
    (file,) = tmp_path.glob("runs/box/*/measurements.jsonl")
    part = measured(problem="mlp-width:8", backend="torch-cpu", threads=1, phase="forward")
    file.write_bytes(file.read_bytes() + msgspec.json.encode(part) + b"\n")
    lab.power_cut_after = None
    lab.jobs.clear()
    measure(tmp_path, environment)
    checked = {(job.backend, job.problem) for job in lab.jobs if job.step == "check"}
    assert ("torch-cpu", "mlp-width:8") in checked


def test_campaign_partial_iteration_is_no_row_of_job() -> None:
    (job,) = [job for job in jobs_of(PLAN) if job.problem == "mlp-width:8"][:1]
    row = measured(problem=job.problem, backend=job.backend, threads=1, repeat=job.repeat)
    assert missing([job], [row]) == []
    assert missing([job], [msgspec.structs.replace(row, phase="forward")]) == [job]
