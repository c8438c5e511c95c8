"""Where one iteration's time goes: the ladder, its iteration phases, each device's ceilings."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from perceptron.analysis.overhead import ladder as judge
from perceptron.analysis.stored.finding import published_iteration_seconds
from perceptron.machine import usable_cores
from perceptron.measure.progress import Progress
from perceptron.problems import cost
from perceptron.studies.overhead_extras import FIRST, Extras
from perceptron.studies.overhead_plan import OverheadPlan, removed
from perceptron.studies.shared.budget import study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun, contents, plain, start_run
from perceptron.studies.shared.over_processes import counts_of, require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task, key_of
from perceptron.studies.shared.task_costs import least_seconds

__all__ = ["OverheadPlan", "judge", "overhead"]

# Starting a rung takes two processes, and each has a core or two to itself while libraries load.
_CORES_TO_START_A_RUNG = 4
# The rungs' share of what is left, the rest being for what explains them.
_RUNGS_SHARE = 0.7


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
    require_backends(plan.backends, plan.threads)
    budget = study_budget(budget_seconds or plan.budget_seconds)
    counts = counts_of(plan.backends)
    removes = removed(plan.problem, plan.backends)
    # What the judge needs beside the rows belongs to the plan.
    as_json: dict[str, Any] = plain(plan) | {
        "study": "overhead",
        "removes": {name: removes.get(name, "–") for name in plan.backends},
        "operations": cost.operations(plan.problem),
        "bytes_moved": cost.bytes_moved(plan.problem, "float32"),
        "processes": plan.processes,
        "contents": contents([plan.problem]),
        **({"over_processes": list(counts)} if counts else {}),
    }
    with start_run(
        as_json, plan.backends, plan.threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        extras = Extras(plan, run, progress)
        tasks = _tasks(plan)
        budget.cut_short = not _measure_all(plan, tasks, run, extras, progress)
        run.require_rows()
        left_out = _left_out(tasks, run)
        run.journal.keep_left_out(left_out)
        return judge.ladder(
            run.journal.times,
            problem=plan.problem.name,
            removes=as_json["removes"],
            kernels=run.journal.kernels,
            work=(as_json["operations"], as_json["bytes_moved"]),
            threads=plan.threads,
            published=published_iteration_seconds(plan.problem.name),
            results=run.journal.folder,
            environment=run.environment,
            warnings=[*run.warnings(plan.threads), *extras.warnings],
            budget=budget.use,
            profiled=run.journal.profiled,
            left_out=left_out,
        )


def _tasks(plan: OverheadPlan) -> list[Task]:
    """Return a task for each rung and process."""
    at_once = max(1, usable_cores() // _CORES_TO_START_A_RUNG)
    return [
        Task(
            problem=plan.problem,
            backend=name,
            dtype=plan.dtype_of(name),
            threads=plan.threads,
            process=process,
            # Of the first process only those are checked together whose processes start at once:
            # if all were checked before any is timed, a budget could end between the two, without
            # a single rung.
            group=f"rungs {place // at_once}" if process == 0 else "ladder",
            effort=plan.effort,
        )
        for process in range(plan.processes)
        for place, name in enumerate(plan.backends)
    ]


def _left_out(tasks: list[Task], run: OpenRun) -> dict[str, str]:
    """Return why there was no time for a rung, by backend, as far as that is known."""
    measured = {key_of(row) for row in run.journal.times if row.phase is None}
    reasons = {
        task.backend: run.budget.hangs.reason(task.backend, task.problem.reference)
        or run.budget.left_out.reason(task)
        for task in tasks
        if task.key not in measured
    }
    return {backend: reason for backend, reason in reasons.items() if reason is not None}


def _measure_all(
    plan: OverheadPlan, tasks: list[Task], run: OpenRun, extras: Extras, progress: Progress
) -> bool:
    """Measure each rung once, all in a few processes, then the extras, then both in all processes.

    Return whether there was time for all.
    """

    def measure(some: list[Task], share: float) -> list[Task]:
        part = run.budget.part(share)
        return run_tasks(some, run.journal, run.run, progress, part, apart=True)

    def climb(processes: int, share: float) -> list[Task]:
        return measure([task for task in tasks if task.process < processes], share)

    # A ladder without rungs says nothing, whatever explains it: they need no share. Those whose
    # samples must be long come last, so that they do not take the time of all others.
    first = [task for task in tasks if task.process == 0]
    for _, some in groupby(sorted(first, key=least_seconds), least_seconds):
        measure(list(some), 1.0)
    extras.count_kernels()
    for processes in (FIRST, plan.processes):
        climb(processes, _RUNGS_SHARE)
        extras.measure(processes)
    left_out = climb(plan.processes, 1.0)
    return extras.measure(plan.processes) and not left_out
