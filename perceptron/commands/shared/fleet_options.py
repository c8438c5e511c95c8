"""``--on`` and its companions: a command that measures asks the same on a fleet.

Its jobs are submitted, waited for, merged and shown here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from perceptron import optional
from perceptron.commands.shared.options import folder_name, one_number, split
from perceptron.commands.shared.pages import Pages, prepare
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.records.fleet import Collected, FleetStatus

COMPANIONS: dict[str, Any] = {
    "on": Annotated[
        str | None,
        typer.Option("--on", metavar="slurm|local:N", help="Measure as jobs: see docs/fleet.md."),
    ],
    "partitions": Annotated[
        list[str] | None,
        typer.Option(metavar="NAME …", help="With --on slurm: start a job on each."),
    ],
    "gpus": Annotated[
        str | None, typer.Option(metavar="N", help="With --on: use N GPUs of each machine.")
    ],
    "time": Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="MINUTES",
            help="With --on: end jobs after this time. Default: above --budget.",
        ),
    ],
    "sbatch": Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE …", help="With --on slurm: pass more options to sbatch."),
    ],
}
_SLURM_ALONE = ("partitions", "sbatch")
# Options of the waiting process: each job has its own folder and name, and writes no pages.
_OF_THE_WAITING = frozenset({"results", "html", "json", "machine"})
# More may be given to a job that is resumed.
_NO_QUESTION = frozenset({"budget", "wait"})
# submitit sets these; another value would lose a job's log, or the notice of its end.
_SUBMITITS = frozenset(
    {"array", "error", "nodes", "open-mode", "output", "partition", "signal", "time", "wrap"}
)
_KEY = re.compile(r"[a-z][a-z0-9-]{0,40}", re.ASCII)


def refuse_alone(given: Mapping[str, Any]) -> None:
    """Raise `UserError` for a companion in ``given``, the values of `COMPANIONS`, without --on."""
    for name, value in given.items():
        if value is not None and given["on"] is None:
            raise UserError(f"--{name} is for the jobs of a fleet: add --on")


def run_fleet(context: typer.Context, given: Mapping[str, Any], budget_seconds: float) -> int:
    """Submit the jobs that are not done, wait for all, and show their answers.

    ``given`` are the values of `COMPANIONS`. Return the exit code: 1 if a job failed. Raises
    `UserError` naming an option that does not go with another.
    """
    from perceptron.report.tables import fleet as table
    from perceptron.studies.fleet import submit
    from perceptron.studies.fleet.collect import collect
    from perceptron.studies.fleet.folder import Submission, fleet_plan, open_fleet

    typed = context.params
    where, jobs = _where(given["on"], split("--partitions", given["partitions"]))
    for name in _SLURM_ALONE:
        if where == "local" and given[name] is not None:
            raise UserError(f"--{name} is for Slurm: leave it out with --on {given['on']}")
    machine = folder_name("--machine", typed["machine"])
    if machine is not None and len(jobs) > 1:
        raise UserError(
            f"--machine names one machine and there are {len(jobs)}: leave it out to name each by "
            "its host"
        )
    gpus = one_number("--gpus", given["gpus"]) or None
    sbatch = list(_sbatch(given["sbatch"] or ()))
    optional.require("fleet")
    if where == "slurm":
        submit.require_slurm()
    question = [str(context.info_name), *_words(context, _NO_QUESTION, without=True)]
    submissions = {
        name: Submission(
            arguments=[*question, *_words(context, _NO_QUESTION)],
            where=where,
            partition=name if where == "slurm" and name != "default" else None,
            machine=machine,
            gpus=gpus,
            minutes=given["time"] or submit.minutes_for(budget_seconds, typed["wait"] or 0.0),
            sbatch=sbatch,
            budget_seconds=budget_seconds,
        )
        for name in jobs
    }
    pages = prepare(typed["html"])
    fleet = open_fleet(typed["results"], fleet_plan(question, where, gpus, sbatch))
    try:
        submit.start(fleet, submissions)
        status = submit.wait(fleet, list(jobs), table.job_lines())
    except KeyboardInterrupt:
        raise UserError(
            "interrupted; the jobs continue: `perceptron fleet status` shows their state, "
            "`perceptron fleet collect` merges their rows, and the same command waits again"
        ) from None
    collected = collect(typed["results"], [fleet.job(name).results for name in jobs])
    return finish([status], collected, typed["results"], pages, typed["json"])


def _where(
    on: str, partitions: tuple[str, ...]
) -> tuple[Literal["slurm", "local"], tuple[str, ...]]:
    number = re.fullmatch(r"local:([1-9]\d?)", on, re.ASCII)
    if number is not None:
        return "local", tuple(f"local-{index + 1}" for index in range(int(number[1])))
    if on != "slurm":
        raise UserError(f"--on takes slurm, or local:N for N jobs on this machine; got {on!r}")
    for partition in partitions:
        folder_name("--partitions", partition)
    return "slurm", partitions or ("default",)


def _words(context: typer.Context, names: Iterable[str], *, without: bool = False) -> Iterator[str]:
    """Yield the options that were typed, as they are typed, in the order in which help has them.

    Those of ``names``, or ``without`` them, and none about the fleet or the waiting process.
    """
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in COMPANIONS or name in _OF_THE_WAITING or (name in names) == without:
            continue
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value, option = context.params[name], parameter.opts[0]
        if value is True:
            yield option
        else:
            for one in value if isinstance(value, list | tuple) else (value,):
                yield from (option, str(one))


def _sbatch(words: Iterable[str]) -> Iterator[str]:
    """Yield options for sbatch; raises `UserError` for one that is no printable KEY=VALUE."""
    for word in words:
        key, _, value = word.removeprefix("--").partition("=")
        if not _KEY.fullmatch(key) or not value.isprintable():
            raise UserError(f"--sbatch takes KEY=VALUE, as in account=physics; got {word!r}")
        if key in _SUBMITITS:
            raise UserError(f"--sbatch {key}: the fleet sets it: leave it out")
        yield word.removeprefix("--")


def finish(
    fleets: list[FleetStatus], collected: Collected, results: Path, pages: Pages, json: bool
) -> int:
    """Write the pages, show or print what was merged; return the exit code."""
    from perceptron.report import documents
    from perceptron.report.tables import fleet as table
    from perceptron.report.tables import terminal
    from perceptron.studies.answering import judges

    page, _ = pages.write(results)
    answers = table.answers(collected, judges())
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
