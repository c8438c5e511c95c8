"""Judge a run, just measured or read back, and all runs of a folder of results."""

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
    """Judge a stored run by the plan that it was started with.

    Raises `UserError` naming the folder if the run cannot be judged.
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
    except Exception as error:  # rows are untrusted, and other runs must be shown
        is_expected = isinstance(error, ValueError | ArithmeticError)
        message = str(error) if is_expected else f"{type(error).__name__}: {error}"
        raise UserError(f"{loaded.folder}: rows that cannot be judged: {message}") from error
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
        # Killed workers come first: users read the first warning.
        warnings=tuple(sorted(warnings, key=lambda warning: warning.code != KILLED)),
    )


def judges() -> dict[str, Judge]:
    """Return the judge of stored runs of each study, by the study's name."""
    every = {name: load(name) for name in STUDIES}
    return {
        name: Judge(answer_run, study.query_fields, study.page, _usual(study))
        for name, study in every.items()
    }


def _usual(study: Study) -> dict[str, object]:
    """Return the query fields of the study's command without options."""
    plan = study.Plan()
    if study.page.is_overview:
        fields = {name: getattr(plan.resolved(), name) for name in study.query_fields}
        return {
            name: msgspec.json.decode(msgspec.json.encode(value)) for name, value in fields.items()
        }
    fields = {name: getattr(plan, name) for name in study.query_fields}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def collect(results: Path) -> Collection:
    """Read and judge a folder of results; a missing folder gives an empty collection.

    Errors become part of the collection, and none is raised.
    """
    with no_search_for_cycles():
        return judge_results(read_results(results), machine_name(), judges())
