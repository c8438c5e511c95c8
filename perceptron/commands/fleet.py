"""`perceptron fleet`: the state of a fleet's jobs, and their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from perceptron.commands.shared.pages import prepare
from perceptron.errors import UserError
from perceptron.options import JSON_WITHOUT_PAGES, Argument, Html, Option, Verbose


def fleet(
    what: Annotated[
        Literal["status", "collect"],
        Argument(
            "Show the state of the jobs (status), or merge their rows (collect).", metavar="WHAT"
        ),
    ],
    folders: Annotated[
        tuple[Path, ...],
        Argument("Merge results that were copied here.", metavar="[DIR …]", is_list=False),
    ] = (),
    results: Annotated[
        Path,
        Option("Read fleets from DIR; collect merges their rows there.", metavar="DIR"),
    ] = Path("results"),
    html: Html = None,
    verbose: Verbose = False,
    json: Annotated[bool, JSON_WITHOUT_PAGES] = False,
) -> int:
    """Show or merge a fleet's jobs; return 1 if a job failed or rows could not be merged."""
    from perceptron.commands.shared.fleet_options import finish
    from perceptron.questions.fleet.collect import collect
    from perceptron.questions.fleet.jobs import fleet_status, fleets
    from perceptron.records.store import run_folders
    from perceptron.report import documents
    from perceptron.report.tables import fleet as table

    if what == "status" and folders:
        raise UserError("fleet status takes no folders: --results names the folder of the fleet")
    for folder in folders:
        if not run_folders(folder):
            raise UserError(f"{folder}: it has no runs: name a folder of results or of runs")
    started = [] if folders else fleets(results)
    if not folders and not started:
        raise UserError(f"{results}: no fleet was started here: `perceptron bench --on` starts one")
    statuses = [fleet_status(folder) for folder in started]
    bad = any(job.has_failed for status in statuses for job in status.jobs)
    if what == "status":
        if json:
            documents.write({"fleets": statuses})
        else:
            table.show(statuses, verbose=verbose)
        return 1 if bad else 0
    pages = prepare(html, by_default=not json)
    sources = folders or [Path(job.results) for status in statuses for job in status.jobs]
    collected = collect(results, sources)
    return finish(statuses, collected, results, pages, verbose, json)
