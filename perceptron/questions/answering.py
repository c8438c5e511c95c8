"""The answer of a study to a run, judged live or read back, and those of a whole folder."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import msgspec
from msgspec.structs import replace

from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.questions.collection import Collection, Judge, judge_results
from perceptron.questions.one_run import with_doubt
from perceptron.questions.registry import STUDIES, load
from perceptron.questions.study import Plan, Study
from perceptron.records.readers.stored_runs import LoadedRun, read_results
from perceptron.records.row import no_search_for_cycles, times
from perceptron.statistics.select import Definitions
from perceptron.statistics.trust import KILLED, warnings_of_rows, warnings_of_run


def answer_run(loaded: LoadedRun) -> Answered:
    """Judge a stored run of one of these studies by the plan that it was started with.

    Raises `UserError` naming the folder if it cannot be judged.
    """
    study = load(str(loaded.run.plan.get("study")))
    try:
        plan = msgspec.convert(loaded.run.plan, study.Plan)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}, plan: {error}") from None
    return answered(study, plan, loaded)


def answered(study: Study, plan: Plan, loaded: LoadedRun) -> Answered:
    """Return the answer of a study to a run; raises `UserError` for rows that cannot be judged."""
    try:
        answer = study.answer(plan, loaded.rows, loaded)
    except UserError:
        raise
    except Exception as error:  # rows come from outside, and other runs are to be shown
        known = isinstance(error, ValueError | ArithmeticError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        raise UserError(f"{loaded.folder}: rows that cannot be judged: {words}") from error
    threads = max(filter(None, set(map(attrgetter("all_threads"), loaded.rows))), default=1)
    every = times(loaded.rows)
    definitions = Definitions(every)
    warnings = (
        *warnings_of_run(loaded, threads),
        *answer.warnings,
        *definitions.warnings(),
        *warnings_of_rows(definitions.keep(every)),
    )
    verdicts = with_doubt(answer.verdicts, loaded.folder.parent)
    return Answered(
        study=study.name,
        run=loaded,
        answer=replace(answer, verdicts=verdicts),
        # The first one is read: how to go on where workers were killed.
        warnings=tuple(sorted(warnings, key=lambda warning: warning.code != KILLED)),
    )


def judges() -> dict[str, Judge]:
    """Return the judge of stored runs of each study, by its name."""
    every = {name: load(name) for name in STUDIES}
    return {
        name: Judge(answer_run, study.query_fields, study.page, _usual(study))
        for name, study in every.items()
    }


def _usual(study: Study) -> dict[str, object]:
    """Return the question without options: OR gate, digits; the whole main job."""
    plan = study.Plan()
    if study.page.is_overview:
        asked = {name: getattr(plan.resolved(), name) for name in study.query_fields}
        return {
            name: msgspec.json.decode(msgspec.json.encode(value)) for name, value in asked.items()
        }
    asked = {name: getattr(plan, name) for name in study.query_fields}
    return {name: value for name, value in asked.items() if isinstance(value, str)}


def collect(results: Path) -> Collection:
    """Read and judge a folder of results; one that is not there holds none. Nothing is raised."""
    with no_search_for_cycles():
        return judge_results(read_results(results), machine_name(), judges())
