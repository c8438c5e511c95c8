"""Where one iteration's time goes: the ladder, its iteration phases, the machine's ceilings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptron.analysis.overhead import ladder as judge
from perceptron.analysis.overhead.roofline import CEILING
from perceptron.analysis.stored.finding import FAMILY, published_iteration_seconds
from perceptron.backends import registry
from perceptron.backends.ladder import rungs
from perceptron.machine import usable_cores
from perceptron.measure.job import Extra, Job, Outcome, Part
from perceptron.measure.launch import Abandoned, Workers
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, cost
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.rehearsal import device_label
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun, contents, plain, start_run
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.published import published_dtype
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task, problem_fields

# Processes that all rungs and their phases get before any gets more.
_FIRST = 3
# The rungs' share of what is left, the rest being for what explains them.
_RUNGS_SHARE = 0.7
# The walk-through's problems.
_PUBLISHED = (FAMILY, "symptoms", "xor")
_NO_TIME = Outcome(problem="", status="skipped", reason="there was no time left")


@dataclass(frozen=True)
class OverheadPlan:
    """A problem and the rungs to measure on it; equal plans are the same run."""

    problem: Problem = catalogue.NAMED[FAMILY]
    backends: tuple[str, ...] = ()
    """Empty: the ladder, with that of the GPU where there is one."""
    dtype: DType | None = None
    """None: as published on the walk-through's problems, float32 on all others."""
    threads: int = 0
    """0 for all cores that this process may use."""
    quick: bool = False

    def __post_init__(self) -> None:
        here = registry.reason_unavailable("torch-cuda") is None
        batches = self.problem.batch is not None
        all_rungs = (*rungs("cpu", batches), *(rungs("cuda", batches) if here else ("torch-cuda",)))
        object.__setattr__(self, "backends", self.backends or all_rungs)
        for name in self.backends:
            registry.load(name)  # raises for an unknown name
        object.__setattr__(self, "threads", self.threads or usable_cores())

    @property
    def processes(self) -> int:
        return 3 if self.quick else 8

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        return 120.0 if self.quick else 180.0

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    def dtype_of(self, backend: str) -> DType:
        """Return what this rung computes in."""
        if self.dtype is not None:
            return self.dtype
        published = self.problem.name in _PUBLISHED
        return published_dtype(backend) if published else "float32"


def overhead(
    plan: OverheadPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> judge.OverheadResult:
    """Measure every rung in fresh processes, side by side, and what explains it.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. Raises
    `UserError` if the results folder cannot be written to, or if there was no time for anything.
    """
    budget = study_budget(budget_seconds or plan.budget_seconds)
    batches = plan.problem.batch is not None
    ladder = rungs("cpu", batches) | rungs("cuda", batches)
    # What the judge needs beside the rows belongs to the plan.
    as_json: dict[str, Any] = plain(plan) | {
        "study": "overhead",
        "removes": {name: ladder.get(name, "–") for name in plan.backends},
        "operations": cost.operations(plan.problem),
        "bytes_moved": cost.bytes_moved(plan.problem, "float32"),
        "processes": plan.processes,
        "contents": contents([plan.problem]),
    }
    with start_run(
        as_json, plan.backends, plan.threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        counts, not_counted = kernels(plan, run)
        extras = Extras(plan, run, progress)
        budget.cut_short = not _measure_all(plan, run, extras, progress)
        run.require_rows()
        return judge.ladder(
            run.journal.rows,
            problem=plan.problem.name,
            removes=as_json["removes"],
            kernels=counts,
            work=(as_json["operations"], as_json["bytes_moved"]),
            threads=plan.threads,
            published=published_iteration_seconds(plan.problem.name),
            results=run.journal.folder,
            environment=run.environment,
            warnings=[*run.warnings(plan.threads), *not_counted, *extras.warnings],
            budget=budget.use,
            profiled=run.journal.profiled,
        )


def _measure_all(plan: OverheadPlan, run: OpenRun, extras: Extras, progress: Progress) -> bool:
    """Measure all rungs in a few processes, then the extras, then both in all processes.

    Return whether there was time for all.
    """
    tasks = [
        Task(
            problem=plan.problem,
            backend=name,
            dtype=plan.dtype_of(name),
            threads=plan.threads,
            process=process,
            group="ladder",
            effort=plan.effort,
        )
        for process in range(plan.processes)
        for name in plan.backends
    ]
    first = [task for task in tasks if task.process < _FIRST]
    whole = run.budget
    for some, processes, share in (
        (first, _FIRST, _RUNGS_SHARE),
        (tasks, plan.processes, _RUNGS_SHARE),
        (tasks, plan.processes, 1.0),
    ):
        later = tasks if some is first else []
        left_out = run_tasks(some, run.journal, run.run, progress, whole.part(share), later=later)
        has_extras = extras.measure(processes) and extras.profile()
    return has_extras and not left_out


def kernels(plan: OverheadPlan, run: OpenRun) -> tuple[dict[str, int], list[MeasurementWarning]]:
    """Count the kernels of one iteration, by backend, for those that can list them.

    Those that an earlier start counted are kept. Return a warning for each that should and did
    not; of one that cannot run here, or not on this problem, its rung says why.
    """
    warnings = []
    for name in plan.backends:
        if name in run.journal.kernels or not hasattr(registry.load(name), "kernels"):
            continue
        outcome = _measure(plan, name, "kernels", run.budget)
        if outcome.status == "ok" and outcome.parts:
            run.journal.keep_kernels({name: len(outcome.parts)})
        elif registry.reason_unavailable(name) is None and not _is_refused(outcome):
            warnings.append(_missing(name, "kernels", outcome))
    return run.journal.kernels, warnings


def _has_device(name: str) -> bool:
    accelerator = getattr(registry.load(name), "accelerator", None)
    return accelerator is not None and registry.reason_unavailable(name) is None


def _is_refused(outcome: Outcome) -> bool:
    """Return whether the backend does not train this problem, which its rung says as well."""
    return outcome.status == "skipped" and outcome is not _NO_TIME


def _missing(name: str, extra: Extra, outcome: Outcome) -> MeasurementWarning:
    return MeasurementWarning(
        code="not-measured",
        message=f"{extra} of {name}: {outcome.reason or 'nothing was measured'}",
        advice="what follows from it is left out; the same command tries it again",
    )


def _measure(plan: OverheadPlan, name: str, extra: Extra, budget: Budget) -> Outcome:
    """Measure an extra of one backend in a fresh process, if there is time for it.

    Where there was none, it is neither ok nor failed.
    """
    before, kind = budget.spent, ("extra", extra)
    if budget.costs.expect(kind, name) >= budget.left:
        return _NO_TIME
    job = Job(
        backend=name,
        problems=[plan.problem.reference],
        dtype="float32" if extra == "ceilings" else plan.dtype_of(name),
        threads=plan.threads,
        samples=plan.effort.samples,
        minimum_seconds=plan.effort.minimum_seconds,
        extra=extra,
    )
    try:
        with budget.piece(budget.longest_piece), Workers(budget.until_abandoned) as workers:
            (outcome,) = workers.run("", job, registry.load(name))
    except Abandoned as abandoned:
        budget.hangs.note(abandoned, budget.spent - before, budget.costs.expect(kind, name))
        return _NO_TIME
    budget.costs.learn(kind, name, budget.spent - before)
    return outcome


class Extras:
    """What is measured beside the rungs, each in processes of its own."""

    def __init__(self, plan: OverheadPlan, run: OpenRun, progress: Progress) -> None:
        self._plan = plan
        self._run = run
        self._progress = progress
        self._tried: set[tuple[str, Extra, int]] = set()
        self._failed: dict[tuple[str, Extra], MeasurementWarning] = {}
        phased = [
            name
            for name in plan.backends
            if getattr(registry.load(name), "phased", False)
            and registry.reason_unavailable(name) is None
        ]
        self._wanted: list[tuple[str, Extra, int]] = [("numpy", "harness", 0)]
        for process in range(plan.processes):
            self._wanted += [(name, "phases", process) for name in phased]
            if process < _FIRST:
                self._wanted.append(("numpy", "ceilings", process))

    @property
    def warnings(self) -> list[MeasurementWarning]:
        """Return one for each extra of which something could not be measured."""
        return list(self._failed.values())

    def measure(self, processes: int) -> bool:
        """Measure phases in these processes, ceilings in a few, the harness in one, unless done.

        Return whether there was time for all.
        """
        budget = self._run.budget
        for name, extra, process in self._wanted:
            if process >= processes or self._is_done(name, extra, process):
                continue
            total = budget.spent + budget.left
            self._progress(budget.spent, total, f"{extra} of {name}")
            outcome = _measure(self._plan, name, extra, budget)
            if outcome is _NO_TIME:
                return False
            self._tried.add((name, extra, process))
            if outcome.status != "ok" and not _is_refused(outcome):
                self._failed.setdefault((name, extra), _missing(name, extra, outcome))
            for part in outcome.parts:
                self._run.journal.append(self._row(name, extra, process, part))
            self._run.journal.note_spent(budget.spent)
        return True

    def profile(self) -> bool:
        """Have a profiler count kernels too, once for each backend whose device is here.

        Return whether there was time for all.
        """
        budget = self._run.budget
        for name in self._plan.backends:
            is_done = name in self._run.journal.profiled or (name, "profile", 0) in self._tried
            if is_done or not _has_device(name):
                continue
            self._progress(budget.spent, budget.spent + budget.left, f"profile of {name}")
            outcome = _measure(self._plan, name, "profile", budget)
            if outcome is _NO_TIME:
                return False
            self._tried.add((name, "profile", 0))
            if outcome.status == "ok":
                launched = sum(part.work for part in outcome.parts)
                self._run.journal.keep_profiled({name: round(launched)})
            elif not _is_refused(outcome):
                self._failed[name, "profile"] = _missing(name, "profile", outcome)
            self._run.journal.note_spent(budget.spent)
        return True

    def _is_done(self, name: str, extra: Extra, process: int) -> bool:
        """Return whether there are rows of it, or this start has tried."""
        family = self._family(extra)
        return (name, extra, process) in self._tried or any(
            (row.backend, row.process, row.family) == (name, process, family) and row.phase
            for row in self._run.journal.rows
        )

    def _family(self, extra: Extra) -> str:
        named = {"ceilings": CEILING, "harness": judge.HARNESS}
        return named.get(extra) or self._plan.problem.family

    def _row(self, name: str, extra: Extra, process: int, part: Part) -> Measurement:
        plan = self._plan
        family = {"family": self._family(extra), "size": part.work}
        return self._run.run.row(
            process=process,
            **(problem_fields(plan.problem) if extra == "phases" else family),
            phase=part.name,
            backend=name,
            device=device_label(registry.load(name).device),
            dtype="float32" if extra == "ceilings" else plan.dtype_of(name),
            threads=plan.threads,
            seconds=part.seconds,
            samples=part.samples,
            iterations=part.iterations,
        )
