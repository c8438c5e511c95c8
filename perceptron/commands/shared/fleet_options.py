"""``--on`` and ``--sbatch``: run a command as jobs of a fleet, and show their merged results."""

from __future__ import annotations

import re
import shutil
from collections.abc import Container, Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from perceptron.commands.shared.pages import Pages, prepare
from perceptron.commands.shared.parameters import is_typed, split
from perceptron.errors import UserError
from perceptron.options import CLUSTER, Option, folder_name

if TYPE_CHECKING:
    from perceptron.records.fleet import Collected, FleetStatus

On = Annotated[
    str | None,
    Option("Measure as jobs: see docs/fleet.md.", metavar="slurm|local:N", panel=CLUSTER),
]
Sbatch = Annotated[
    tuple[str, ...],
    Option(
        "With --on slurm: for sbatch, such as partition=a,b.",
        metavar="KEY=VALUE …",
        is_list=False,
        panel=CLUSTER,
    ),
]
# Options that may differ when a job is resumed.
_NO_QUESTION = ("budget", "wait")
_SBATCH = re.compile(r"[a-z][a-z0-9-]*=[!-~]+")
# Options that the fleet sets: a job's state is read from one machine, script and log.
_OF_THE_FLEET = (
    *("array", "chdir", "clusters", "error", "job-name", "nodes", "ntasks", "open-mode"),
    *("output", "requeue", "wrap"),
)
# Added to the scheduler's limit for importing every library from a cold disk, and for the answer.
_MARGIN_MINUTES = 10


def run_fleet(
    context: click.Context,
    fields: Sequence[str],
    on: str,
    sbatch: Sequence[str],
    budget_seconds: float,
    wait: float | None,
    machine: str | None,
    results: Path,
    html: str | None,
    verbose: bool,
    json: bool,
) -> int:
    """Submit the jobs that are not done, wait for all, and show their answers.

    A job gets the options typed for ``fields`` of the plan, a folder and a name, and writes no
    pages. Return the exit code: 1 if a job failed. Raises `UserError` for options that exclude each
    other.
    """
    from perceptron.questions.fleet import jobs
    from perceptron.questions.fleet.collect import collect
    from perceptron.report.tables import fleet as table

    minutes = ceil(11 * budget_seconds / 600 + (wait or 0.0)) + _MARGIN_MINUTES
    # The user's options come later, and take precedence.
    options = [f"time={minutes}", *_sbatch(sbatch)]
    is_local, names = _jobs(on, options)
    if machine is not None and len(names) > 1:
        raise UserError(
            f"--machine names one machine and there are {len(names)}: leave it out to name each by "
            "its host"
        )
    command = str(context.info_name)
    request = jobs.Request(
        arguments=[command, *_typed_options(context, (*fields, *_NO_QUESTION))],
        budget_seconds=budget_seconds,
        machine=machine,
        sbatch=[word for word in options if not word.startswith("partition=")],
    )
    pages = prepare(html)
    fleet = jobs.open_fleet(
        results, [command, *_typed_options(context, fields)], is_local, request.sbatch
    )
    try:
        jobs.start(fleet, names, request)
        status = jobs.wait(fleet, names, table.job_lines())
    except KeyboardInterrupt:
        raise UserError(
            "interrupted; the jobs continue: `perceptron fleet status` shows their state, "
            "`perceptron fleet collect` merges their rows, and the same command waits again"
        ) from None
    collected = collect(results, [Path(job.results) for job in status.jobs])
    return finish([status], collected, results, pages, verbose, json)


def _jobs(on: str, sbatch: list[str]) -> tuple[bool, tuple[str, ...]]:
    """Return whether the jobs run here, and their names; raises `UserError` if they cannot run."""
    from perceptron.questions.fleet.jobs import DEFAULT

    number = re.fullmatch(r"local:([1-9]\d?)", on, re.ASCII)
    if number is not None:
        if len(sbatch) > 1:
            raise UserError(f"--sbatch is for Slurm: leave it out with --on {on}")
        return True, tuple(f"local-{index + 1}" for index in range(int(number[1])))
    if on != "slurm":
        raise UserError(f"--on takes slurm, or local:N for N jobs on this machine; got {on!r}")
    option = "--sbatch partition"
    named = [word.partition("=")[2] for word in sbatch if word.startswith("partition=")]
    partitions = split(option, named) if named else ()
    for partition in partitions:
        folder_name(option, partition)
    if shutil.which("sbatch") is None:
        raise UserError(
            "--on slurm: no sbatch here: run this on a machine of the cluster, or try a fleet on "
            "this one by --on local:2"
        )
    return False, partitions or (DEFAULT,)


def _sbatch(options: Iterable[str]) -> Iterator[str]:
    """Yield options for sbatch unchanged; raises `UserError` for words that cannot be options."""
    for option in options:
        key, _, value = option.partition("=")
        if not _SBATCH.fullmatch(option):
            dashes = " without dashes" if option.startswith("-") else ""
            hint = dashes or (" without spaces" if " " in option else "")
            raise UserError(
                f"--sbatch takes KEY=VALUE{hint}, as in account=physics; got {option!r}"
            )
        if key in _OF_THE_FLEET:
            raise UserError(f"--sbatch {key}: the fleet sets it; leave it out")
        if key == "export" and value.partition(",")[0] != "ALL":
            raise UserError(
                "--sbatch export: a job needs your variables: begin with ALL, as in export=ALL,A=1"
            )
        yield option


def _typed_options(context: click.Context, fields: Container[str]) -> Iterator[str]:
    """Yield the options typed, with their values, in the order of help."""
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in fields or not is_typed(context, name):
            continue
        value, option = context.params[name], parameter.opts[0]
        if value is True:
            yield option
        else:
            for item in value if isinstance(value, list | tuple) else (value,):
                yield from (option, str(item))


def finish(
    fleets: list[FleetStatus],
    collected: Collected,
    results: Path,
    pages: Pages,
    verbose: bool,
    json: bool,
) -> int:
    """Write the pages, print the merged results, and return the exit code."""
    from perceptron.questions.answering import judges
    from perceptron.report import documents
    from perceptron.report.tables import fleet as table
    from perceptron.report.tables import terminal

    page, _ = pages.write(results)
    answers = table.answers(collected, judges())
    if json:
        documents.write(documents.fleet(fleets, collected, answers, results, page))
    else:
        table.show(fleets, answers, verbose)
        terminal.show_paths(results / "runs", page)
    for complaint in collected.errors:
        terminal.note(f"not collected: {complaint}")
    bad = any(job.has_failed for fleet in fleets for job in fleet.jobs)
    return 1 if bad or collected.errors else 0
