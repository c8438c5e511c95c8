"""The jobs of a fleet while they run and afterwards, and the answers of each machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from perceptron.errors import UserError
from perceptron.numbers import count
from perceptron.questions.collection import Judge
from perceptron.records.fleet import Collected, FleetStatus, JobStatus, RunAnswer
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import terminal
from perceptron.untrusted_text import label

Show = Callable[[FleetStatus], None]
COLUMNS = ("job", "machine", "state", "rows>", "message")


def job_lines() -> Show:
    """Return what writes a line on standard error whenever a job's state changes."""
    shown: dict[str, str] = {}

    def show(status: FleetStatus) -> None:
        for job in status.jobs:
            if shown.get(job.job) != job.state:
                shown[job.job] = job.state
                name, machine, state, rows, said = cells(job)
                terminal.note("  ".join(filter(None, (name, machine, state, f"{rows} rows", said))))

    return show


def cells(job: JobStatus) -> tuple[str, ...]:
    """Return a job as a row of text: a running one with its last step, others with their reason."""
    said = job.step if job.state == "running" else job.reason
    # A fleet's folder may have been copied here from anywhere.
    return tuple(map(label, (job.job, job.machine or "", job.state, count(job.rows), said or "")))


def show(fleets: Iterable[FleetStatus]) -> None:
    """Print the state of the jobs of each fleet."""
    for fleet in fleets:
        title = label(f"Fleet {fleet.fleet}: perceptron {' '.join(fleet.command)}")
        terminal.table(title, COLUMNS, [cells(job) for job in fleet.jobs])


def show_answers(answers: Iterable[RunAnswer]) -> None:
    """Print the answers of each machine."""
    rows = [(one.machine, line) for one in answers for line in one.answers]
    if rows:
        terminal.table("Answers by machine", ("machine", "answer"), rows)


def answers(collected: Collected, judges: Mapping[str, Judge]) -> list[RunAnswer]:
    """Return what each run says that was merged; of one that cannot be judged, why.

    ``judges`` are those of studies, by name.
    """
    return [_answer(Path(run.folder), run.machine, judges) for run in collected.runs if run.rows]


def _answer(folder: Path, machine: str, judges: Mapping[str, Judge]) -> RunAnswer:
    study, sentences = "", []
    try:
        loaded = read_run(folder)
        study = str(loaded.run.plan.get("study"))
        if study not in judges:
            raise UserError(f"{folder}: its plan is of no study that is known here: {study}")
        sentences = list(map(str, judges[study].judge(loaded).answer.verdicts))
    except UserError as error:
        sentences = [f"cannot be judged: {error}"]
    # Names in rows are those that another machine wrote.
    told = [label(sentence) for sentence in sentences]
    return RunAnswer(machine=machine, study=study, answers=told, results=str(folder))
