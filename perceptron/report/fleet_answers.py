"""What each machine of a fleet says: a sentence or a few for each run that was merged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perceptron.analysis.collection import Judge
from perceptron.errors import UserError
from perceptron.records.fleet import Collected, RunAnswer
from perceptron.records.readers.stored_runs import read_run
from perceptron.untrusted_text import label


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
        verdicts = judges[study].judge(loaded).answer.verdicts
        sentences = [str(one) for one in verdicts if one.on != "page"]
    except UserError as error:
        sentences = [f"cannot be judged: {error}"]
    # Names in rows are those that another machine wrote.
    told = [label(sentence) for sentence in sentences]
    return RunAnswer(machine=machine, study=study, answers=told, results=str(folder))
