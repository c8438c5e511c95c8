"""What each machine of a fleet says: one line or a few for each run that was merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.stored.collection import Judge
from perceptron.analysis.stored.runs import judge_bench
from perceptron.errors import UserError
from perceptron.records.fleet import Collected, RunAnswer
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.report.crossover_words import answer, is_measured
from perceptron.report.tables.finding import finding_sentence
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
        if study in judges:
            sentences = list(map(str, judges[study].judge(loaded).answer.verdicts))
        else:
            sentences = _SENTENCES.get(study, _crossovers)(loaded)
    except UserError as error:
        sentences = [f"cannot be judged: {error}"]
    # Names in rows are those that another machine wrote.
    told = [label(sentence) for sentence in sentences]
    return RunAnswer(machine=machine, study=study, answers=told, results=str(folder))


def _bench(loaded: LoadedRun) -> list[str]:
    judged = judge_bench(loaded)
    found = [finding_sentence(judged.finding)] if judged.finding else []
    return [*found, *_sentences(judged.crossovers)]


def _crossovers(loaded: LoadedRun) -> list[str]:
    return _sentences(crossovers(loaded.times))


def _sentences(judged: Iterable[Crossover]) -> list[str]:
    return [
        f"{crossover.family}, {crossover.incumbent} or {crossover.challenger}: {answer(crossover)}"
        for crossover in judged
        if is_measured(crossover)
    ]


_SENTENCES: Mapping[str, Callable[[LoadedRun], list[str]]] = {
    "bench": _bench,
}
