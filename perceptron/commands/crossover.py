"""`perceptron crossover`: from which size up does B beat A?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared import arguments
from perceptron.commands.shared.ending import close
from perceptron.commands.shared.fleet_options import (
    hand_over,
    is_for_a_fleet,
    may_run_on_a_fleet,
)
from perceptron.commands.shared.list_command import typed_without
from perceptron.commands.shared.options import (
    folder_name,
    name_or_none,
    one_of,
    seconds_of,
    several,
    split,
    whole_numbers,
)
from perceptron.commands.shared.pages import prepare
from perceptron.commands.shared.quiet import quiet
from perceptron.commands.shared.skipped import announce_skipped
from perceptron.errors import UserError


@may_run_on_a_fleet
def crossover(
    family: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME …", help="Families to search, or of files; default: all."),
    ] = None,
    pair: Annotated[
        list[str] | None,
        typer.Option(metavar="A:B …", help="Incumbent and challenger; default: all, or by family."),
    ] = None,
    problem: arguments.Problems = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE …", help="Judge these results instead of measuring."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME …", help="With --from: parameters that hold the backend."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="NAME", help="With --from: parameter that holds the size.")
    ] = None,
    size_regex: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="With --from: the size in names, as in '_(\\d+)$'."),
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(metavar="REV", help="With --from: commit; default: newest."),
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=1, metavar="K", help="Of the training that starts from cold.")
    ] = 10_000,
    what_if: arguments.WhatIf = None,
    backends: arguments.Backends = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    dtype: arguments.DTypeIfGiven = None,
    quick: arguments.Quick = False,
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    html: arguments.HtmlOfAnswer = None,
    json: arguments.Json = False,
) -> None:
    """From which size up does B beat A? Measured where the answer is, or read from files."""
    from perceptron.analysis.what_if.devices import device
    from perceptron.backends import registry
    from perceptron.problems.problem import DTYPES
    from perceptron.records.readers.parameter_roles import ParameterRoles, name_pattern
    from perceptron.report import documents
    from perceptron.report.tables import crossover as table
    from perceptron.report.tables import terminal
    from perceptron.studies import crossover as study
    from perceptron.studies import crossover_from_files
    from perceptron.studies.shared.many_models import pairs_along_models
    from perceptron.studies.shared.over_processes import pairs_between, pairs_over
    from perceptron.studies.shared.sweep import SWEEP

    pairs, sources = several("--pair", pair), several("--from", source)
    problems, parameters = several("--problem", problem), split("--by", by)
    if sources:
        measuring = {
            "--problem": problem,
            "--backends": backends,
            "--threads": threads,
            "--processes": processes,
            "--dtype": dtype,
            "--quick": quick,
            "--wait": wait is not None,
            "--machine": machine,
            "--what-if": what_if,
            "--budget": budget is not None,
            "--on": is_for_a_fleet(),
        }
        for option, given in measuring.items():
            if given:
                raise UserError(f"{option} says what to measure: leave it out with --from")
        families = several("--family", family)
        roles = ParameterRoles(
            by=parameters,
            size=name_or_none("--size", size) or "size",
            pattern=None if size_regex is None else name_pattern("--size-regex", size_regex),
        )
        result = crossover_from_files.judge_files(
            sources, pairs, families, roles, iterations, name_or_none("--commit", commit)
        )
        page = prepare(html, by_default=not json).write_crossovers(results, result)
    else:
        if parameters or size is not None:
            raise UserError("--by and --size name parameters of files: give them with --from")
        if size_regex is not None or commit is not None:
            raise UserError("--size-regex and --commit are about files: give them with --from")
        families = split("--family", family)
        named, counts = split("--backends", backends), whole_numbers("--processes", processes)
        wanted = [
            crossover_from_files.split_pair(text, registry.names(), registry.is_name)
            for text in pairs
        ]
        plan = study.CrossoverPlan(
            families=families or (() if problems else SWEEP),
            problems=problems,
            pairs=pairs_over(wanted, counts)
            if named or wanted
            else pairs_between(counts) or pairs_along_models(families, problems),
            backends=registry.over_processes(named, counts) if named else registry.DEFAULT,
            dtype=one_of("--dtype", dtype or "float32", DTYPES),
            threads=whole_numbers("--threads", threads),
            iterations=iterations,
            quick=quick,
        )
        seconds = seconds_of("--budget", budget) or plan.budget_seconds
        guessed = None if what_if is None else device(what_if)
        if guessed is not None:
            plan.require_estimates()
        hand_over(seconds)
        pages = prepare(html, by_default=not json)
        announce_skipped(plan.backends)
        with terminal.progress_bar("searching", seconds) as bar:
            pages.load()
            result = study.locate(
                plan, folder_name("--machine", machine), results, bar, guessed, seconds, quiet(wait)
            )
            page = pages.write_crossovers(results, result)
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.crossover(result, page.file))
    else:
        table.show(result)
        terminal.show_paths(result.results, page.address)
    following = None if sources or family or problems else "perceptron map"
    if quick:
        following = typed_without("--quick")
    close(result.warnings, None if json else following)
