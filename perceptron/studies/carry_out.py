"""A question carried out: its run opened or resumed, the loop, its answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import to_builtins
from msgspec.structs import replace

from perceptron.analysis.trust import damaged_line_warning
from perceptron.answer import Answered
from perceptron.measure import campaign
from perceptron.measure.budget import Budget
from perceptron.measure.job import Job
from perceptron.measure.progress import Progress
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.row import Row
from perceptron.studies.answering import answered
from perceptron.studies.shared.opening import contents, refuse_edited_files, start_run
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.study import Estimating, Plan, Study


def carry_out(
    study: Study,
    plan: Plan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> Answered:
    """Measure what a study asks for, or the rest of it where that was interrupted, and answer.

    ``plan`` is resolved. All starts together take at most ``budget_seconds``, by default the
    plan's. Raises `UserError` if the results folder cannot be written to, or if there was no time
    for anything.
    """
    budget = Budget.of_study(budget_seconds or plan.budget_seconds)
    before = contents(plan.references)
    as_json = msgspec.json.decode(msgspec.json.encode(plan))
    as_json |= {"study": study.name, "contents": before}
    as_json.pop("what_if", None)  # an estimate is no other measurement

    def ask(rows: Sequence[Row], left: float) -> Sequence[Job]:
        refuse_edited_files(plan.references, before)
        return study.next(plan, rows, left / budget.seconds)

    with start_run(
        as_json,
        plan.backends,
        plan.most_threads,
        machine,
        results,
        quick=plan.quick or plan.in_seconds,
        budget=budget,
        quiet=quiet,
    ) as run:
        budget.cut_short = not campaign.carry_out(ask, run.journal, run.run, budget, progress)
        run.require_rows()
        if isinstance(study, Estimating):
            kept = study.estimates(plan, run.journal.rows, results)
            if kept is not None:
                run.journal.keep_what_if(to_builtins(kept.what_if), to_builtins(kept.checks))
    told = answered(study, plan, read_run(run.journal.folder))
    damaged = map(damaged_line_warning, run.journal.complaints)
    return replace(told, warnings=(*damaged, *told.warnings))
