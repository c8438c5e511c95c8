"""Measure random trainings on every backend, then ask `perceptron.fastest` about some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.validation.fastest.asking import Ask, ask_all
from benchmarks.validation.fastest.plan import FastestPlan
from benchmarks.validation.fastest.shapes import Training, draw
from perceptron.measure.timing import Effort
from perceptron.studies.shared.budget import study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import start_run
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task

# Of the time for the trainings themselves; the rest is for asking.
_TIMES_SHARE = 0.48
_EFFORT = Effort(samples=5, minimum_seconds=0.01)


def measure(
    plan: FastestPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
    ask: Ask | None = None,
) -> Path:
    """Measure the plan, or resume it where it was interrupted; return the run's folder.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. ``machine``
    names the folder of the results; None for the host's name. Raises `UserError` if the results
    folder cannot be written to, or if there was no time for anything.
    """
    budget = study_budget(budget_seconds or plan.budget_seconds)
    trainings = draw(plan.trainings, plan.seed)
    with start_run(
        plan.as_json(), plan.backends, plan.threads, machine, results, False, budget, quiet=quiet
    ) as run:
        for_times = budget.part(_TIMES_SHARE)
        every = tasks(plan, trainings)
        left = run_tasks(every, run.journal, run.run, progress, for_times)
        unasked = ask_all(plan, trainings, run, budget, progress, ask)
        budget.cut_short = bool(left) or unasked > 0
        run.require_rows()
        return run.journal.folder


def tasks(plan: FastestPlan, trainings: Sequence[Training]) -> list[Task]:
    """Return a task for every row: each process has all trainings, backends side by side."""
    problems = [training.problem for training in trainings]
    return [
        Task(
            problem=problem,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            process=process,
            group="trainings",
            effort=_EFFORT,
        )
        for process in range(plan.processes)
        for problem in problems
        for backend in plan.backends
    ]
