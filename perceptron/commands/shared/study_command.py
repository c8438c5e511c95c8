"""Make the command of a study: the fields of its plan are the options."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from perceptron import options
from perceptron.commands.shared.ending import INCONCLUSIVE
from perceptron.commands.shared.fleet_options import On, Sbatch, run_fleet
from perceptron.commands.shared.pages import Written, prepare
from perceptron.commands.shared.parameters import (
    Command,
    fields_of_arguments,
    fields_of_plan,
    typed_in_full,
)
from perceptron.errors import UserError
from perceptron.options import OUTPUT, Option
from perceptron.questions import registry
from perceptron.questions.study import HasRules, Plan, Reader, Study

if TYPE_CHECKING:
    from perceptron.answer import Answered, ReadFromFiles


def study_command(name: str) -> Command:
    """Return the command of a study: the options of its plan, then those of `_carry_out`."""
    study = registry.load(name)
    plan_fields = fields_of_plan(study.Plan)
    common = fields_of_arguments(_carry_out)
    if not isinstance(study, HasRules):
        common = tuple(field for field in common if field.name != "rule")
    minutes = f"{round(study.Plan.usual_seconds / 60, 1):g}{study.Plan.usual_note}"
    helps = {"budget": f"{options.BUDGET.help} Default: {minutes}."}
    if not study.page.is_overview:
        helps["json"] = options.JSON_WITHOUT_PAGES.help
    common = tuple(
        replace(field, option=replace(field.option, help=helps.get(field.name, field.option.help)))
        for field in common
    )

    def run(**typed: Any) -> int:
        values = {field.name: typed.pop(field.name) for field in plan_fields if field.name in typed}
        return _carry_out(study, study.Plan(**values).resolved(), **typed)

    return Command(name, registry.STUDIES[name][1], (*plan_fields, *common), run)


def _carry_out(
    study: Study,
    plan: Plan,
    *,
    wait: options.Wait = None,
    fresh: options.Fresh = False,
    machine: options.Machine = None,
    budget: options.Budget = None,
    results: options.Results = Path("results"),
    html: options.Html = None,
    verbose: options.Verbose = False,
    json: options.Json = False,
    rule: Annotated[
        bool, Option("Print a line of Python that chooses by size.", panel=OUTPUT)
    ] = False,
    on: On = None,
    sbatch: Sbatch = (),
) -> int:
    """Measure, or read files, and show the answer; annotated arguments are options of every study.

    Return the exit code: 3 if the question stays open, or a process was killed.
    """
    from perceptron.questions.idle import Wait
    from perceptron.questions.run_study import run_study
    from perceptron.report.tables import terminal
    from perceptron.statistics.trust import KILLED

    if sbatch and on is None:
        raise UserError("--sbatch is for the jobs of a fleet: add --on slurm")
    if rule and (json or on is not None):
        raise UserError(f"--rule prints Python: leave out {'--json' if json else '--on'}")
    if on is not None and fresh:
        raise UserError(
            "--fresh is not for --on, whose jobs resume; to measure again, remove the fleet's "
            f"folder in {results / 'fleet'}"
        )
    if plan.sources:
        measuring = {"wait": wait, "machine": machine, "budget": budget, "on": on}
        for option, value in (measuring | {"fresh": fresh or None}).items():
            if value is not None:
                raise UserError(f"--{option} is about measuring: leave it out with --from")
        assert isinstance(study, Reader), "a plan with sources is of a study that reads them"
        source = study.read(plan)
        page = prepare(html, by_default=not (json or rule)).write(results, source)
        if rule:
            return _show_rules(study, source)
        _show(source, page, verbose, json)
        return 0
    allowed = options.seconds_of("--budget", budget) or plan.budget_seconds
    folder = options.folder_name("--machine", machine)
    context = click.get_current_context()
    if on is not None:
        question = [field.name for field in fields_of_plan(type(plan))]
        typed = (wait, folder, results, html, verbose, json)
        return run_fleet(context, question, on, sbatch, allowed, *typed)
    pages = prepare(html, by_default=not json or study.page.is_overview)
    with terminal.progress_bar(study.doing, allowed) as bar:
        pages.load()
        answered = run_study(
            study,
            plan,
            folder,
            results,
            bar,
            allowed,
            Wait(wait or 0.0, terminal.note),
            fresh,
        )
        page = pages.write(results, answered)
    if rule:
        return _show_rules(study, answered)
    _show(answered, page, verbose, json)
    killed = any(warning.code == KILLED for warning in answered.warnings)
    # If the run was cut short, or workers were killed, a warning says how to continue.
    if not (json or killed or answered.run.run.cut_short):
        proposed = typed_in_full(context) if plan.quick else shlex.join(answered.answer.next)
        if proposed:
            terminal.show_next(proposed)
    return INCONCLUSIVE if killed or not answered.answer.is_decided else 0


def _show_rules(study: Study, answered: Answered | ReadFromFiles) -> int:
    """Print a line of Python for each pair; return the exit code, 3 if no pair has a rule."""
    from perceptron.report.tables import terminal

    assert isinstance(study, HasRules), "the option is of these alone"
    rules = study.rules(answered)
    for line in map(str, rules):
        click.echo(line)
    terminal.show_warnings(answered.warnings, is_brief=True)
    return 0 if any(not line.startswith("#") for line in map(str, rules)) else INCONCLUSIVE


def _show(answered: Answered | ReadFromFiles, page: Written, verbose: bool, json: bool) -> None:
    from perceptron.answer import Answered
    from perceptron.report import documents
    from perceptron.report.tables import answer as in_terminal
    from perceptron.report.tables import terminal

    file, address = page
    if json:
        documents.write(documents.answer(answered, file))
        terminal.show_warnings(answered.warnings, is_brief=not verbose)
        return
    in_terminal.show_with_warnings(answered.answer, answered.warnings, verbose)
    if isinstance(answered, Answered):
        terminal.show_paths(answered.results, address)
    else:
        for source in answered.sources:
            terminal.paragraph(f"rows:  {source}")
        terminal.show_paths(None, address)
