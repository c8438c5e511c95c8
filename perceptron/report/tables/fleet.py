"""The jobs of a fleet, running and finished, and the answers of each machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from perceptron.answer import Table
from perceptron.errors import UserError
from perceptron.numbers import count
from perceptron.questions.collection import Judge
from perceptron.questions.other_sessions import read_session
from perceptron.records.fleet import Collected, FleetStatus, JobStatus, RunAnswer
from perceptron.report.tables import terminal
from perceptron.untrusted_text import label

Show = Callable[[FleetStatus], None]
# Rows of a table without ``--verbose``.
_ROWS = 10
COLUMNS = ("job", "machine", "state", "rows>", "message")


def job_lines() -> Show:
    """Return a function that writes a line on standard error whenever a job's state changes."""
    states: dict[str, str] = {}

    def show(status: FleetStatus) -> None:
        for job in status.jobs:
            if states.get(job.job) != job.state:
                states[job.job] = job.state
                name, machine, state, rows, step = cells(job)
                terminal.note("  ".join(filter(None, (name, machine, state, f"{rows} rows", step))))

    return show


def cells(job: JobStatus) -> tuple[str, ...]:
    """Return a job as a row of text: a running one with its last step, others with their reason."""
    text = job.step if job.state == "running" else job.reason
    # A fleet's folder may have been copied from anywhere.
    return tuple(map(label, (job.job, job.machine or "", job.state, count(job.rows), text or "")))


def show(
    fleets: Sequence[FleetStatus], answers: Iterable[RunAnswer] = (), verbose: bool = False
) -> None:
    """Print the answers of each machine, the number of finished jobs of each fleet, and its table.

    Without ``verbose``, print ten jobs of the first unfinished fleet, or of the first.
    """
    for answer in answers:
        for sentence in answer.answers:
            terminal.paragraph(f"{label(answer.machine)}  {sentence}")
    for fleet in fleets:
        states = Counter(job.state for job in fleet.jobs)
        unfinished = [f"{number:,} {state}" for state, number in states.items() if state != "done"]
        summary = f"{states['done']:,} of {len(fleet.jobs):,} jobs done"
        terminal.paragraph(f"fleet {label(fleet.fleet)}  {', '.join((summary, *unfinished))}")
    terminal.out.print()
    first = [fleet for fleet in fleets if any(job.state != "done" for job in fleet.jobs)]
    for fleet in fleets if verbose else (*first, *fleets)[:1]:
        title = label(f"Fleet {fleet.fleet}: perceptron {' '.join(fleet.command)}")
        rows = tuple(cells(job) for job in fleet.jobs)
        if verbose:
            terminal.table(title, COLUMNS, rows)
            continue
        terminal.brief_table(Table(title=title, columns=COLUMNS, rows=rows), _ROWS)
        terminal.out.print()
        omitted = sum(len(status.jobs) for status in fleets) - min(_ROWS, len(rows))
        terminal.show_omitted({"job": omitted})


def answers(collected: Collected, judges: Mapping[str, Judge]) -> list[RunAnswer]:
    """Return the answer of each merged run, or the reason why it cannot be judged.

    ``judges`` are the studies' judges, by name.
    """
    return [_answer(Path(run.folder), run.machine, judges) for run in collected.runs if run.rows]


def _answer(folder: Path, machine: str, judges: Mapping[str, Judge]) -> RunAnswer:
    study, sentences = "", []
    try:
        loaded = read_session(folder)
        study = str(loaded.run.plan.get("study"))
        if study not in judges:
            raise UserError(f"{folder}: its plan is of no study that is known here: {study}")
        sentences = list(map(str, judges[study].judge(loaded).answer.verdicts))
    except UserError as error:
        sentences = [f"cannot be judged: {error}"]
    # Names in rows come from another machine.
    texts = [label(sentence) for sentence in sentences]
    return RunAnswer(machine=machine, study=study, answers=texts, results=str(folder))
