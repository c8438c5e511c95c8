"""A command on a fleet: submitted, waited for, merged, shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.commands.shared.options import folder_name
from perceptron.commands.shared.pages import prepare
from perceptron.errors import UserError
from perceptron.records.fleet import Collected, FleetStatus

if TYPE_CHECKING:
    from perceptron.commands.shared.fleet_options import FleetRequest


def run_fleet(asked: FleetRequest, budget_seconds: float) -> int:
    """Submit the jobs that are not done, wait for all, and show their answers.

    Return the exit code: 1 if a job failed.
    """
    from perceptron.report.tables import fleet as table
    from perceptron.studies.fleet import run, submit
    from perceptron.studies.fleet.folder import Submission, open_fleet
    from perceptron.studies.fleet.plan import fleet_plan

    optional.require("fleet")
    if asked.where == "slurm":
        submit.require_slurm()
    results: Path = asked.options["results"]
    pages = prepare(asked.options["html"])
    plan = fleet_plan(asked.question, asked.where, asked.nodes, asked.gpus, asked.sbatch)
    fleet = open_fleet(results, plan)
    limit = submit.minutes_for(budget_seconds, "--budget" not in asked.further, asked.wait_minutes)
    submissions = {
        name: Submission(
            arguments=[*asked.question, *asked.further],
            where=asked.where,
            partition=name if asked.where == "slurm" and name != "default" else None,
            machine=folder_name("--machine", asked.options["machine"]),
            nodes=asked.nodes,
            gpus=asked.gpus,
            minutes=asked.minutes or limit,
            sbatch=list(asked.sbatch),
            budget_seconds=budget_seconds,
            cuda_devices=os.environ.get("CUDA_VISIBLE_DEVICES"),
        )
        for name in asked.jobs
    }
    with _left_running(), table.job_lines() as show:
        run.start(fleet, submissions)
        status, collected = run.wait(fleet, list(asked.jobs), results, show)
    return finish([status], collected, results, pages.write, asked.options["json"])


class _left_running:  # noqa: N801 a context, as those of contextlib
    """Report that the jobs continue where a block that waits is interrupted."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            raise UserError(
                "interrupted; the jobs continue: `perceptron fleet status` shows their state, "
                "`perceptron fleet collect` merges their rows, and the same command waits again"
            )


def finish(
    fleets: list[FleetStatus],
    collected: Collected,
    results: Path,
    write_pages: Callable[[Path], Path | None],
    json: bool,
) -> int:
    """Write the pages, show or print what was merged; return the exit code."""
    from perceptron.report import documents, fleet_answers
    from perceptron.report.tables import fleet as table
    from perceptron.report.tables import terminal
    from perceptron.studies.answering import judges

    page = write_pages(results)
    answers = fleet_answers.answers(collected, judges())
    if json:
        documents.write(documents.fleet(fleets, collected, answers, results, page))
    else:
        table.show(fleets)
        table.show_answers(answers)
        terminal.show_paths(results / "runs", page)
    for complaint in collected.complaints:
        terminal.note(f"not collected: {complaint}")
    bad = any(job.is_bad_news for fleet in fleets for job in fleet.jobs)
    return 1 if bad or collected.complaints else 0
