"""Judge a stored run: what the trainings take, what is answered about each, and how good that is.

Nothing is measured: the same rows give the answers of today's code. A training has a process of
its own, which compiles for it. Unlike an import, that counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from msgspec.structs import replace

from benchmarks.validation.fastest.measure import arguments, pick_of, read_answers
from benchmarks.validation.fastest.record import (
    ALWAYS,
    NEVER,
    WAYS,
    FastestTruth,
    Judged,
    Pick,
    Quality,
    Times,
    Way,
)
from benchmarks.validation.fastest.trainings import STUDY, FastestPlan, Training
from benchmarks.validation.share import share
from perceptron.analysis.candidates import BackendHere, Candidate, candidates
from perceptron.analysis.contention import contention_warnings
from perceptron.analysis.cost_curve import fit
from perceptron.analysis.fastest import choose, is_enough
from perceptron.analysis.trust import budget_warning, warnings_about
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.store import stored_runs
from perceptron.records.warning import MeasurementWarning
from perceptron.studies.fastest.question import question
from perceptron.studies.fastest.results import known_rows, with_own_setups

CLOSE = 1.10
"""Two backends are close, and a pick is not wrong, up to this ratio of their times."""
_NEARLY_ALL = 0.95


def times_of(training: Training, rows: Iterable[Measurement], backends: Sequence[str]) -> Times:
    """Return what a training takes on each of these backends, by their ``rows`` of its problem.

    That is the median over processes of preparing once and all iterations. A backend without a
    time in any process has none.
    """
    problem, iterations = training.problem, training.iterations
    totals: dict[str, list[float]] = defaultdict(list)
    failed = set()
    for row in rows:
        if row.problem != problem.name or row.phase is not None or row.backend not in backends:
            continue
        if row.seconds is None:
            failed.add(row.backend)
        else:
            totals[row.backend].append((row.prepare_seconds or 0.0) + iterations * row.seconds)
    medians = {name: median(totals[name]) for name in totals if name not in failed}
    return Times(
        reference=training.reference,
        epochs=training.epochs,
        seconds=dict(sorted(medians.items(), key=lambda item: item[1])),
    )


def judge(
    answers: str, times: Iterable[Times], picks: Iterable[Pick], measured_first: int = 0
) -> Quality:
    """Return how good these picks are; those of trainings that have no times are left out."""
    by_reference = {own.reference: own for own in times}
    judged = [
        Judged(
            reference=own.reference,
            epochs=own.epochs,
            picked=pick.backend,
            best=own.best,
            regret=own.regret(pick.backend),
            close=own.lead <= CLOSE,
            sure=pick.sure,
        )
        for pick in picks
        if (own := by_reference.get(pick.reference)) is not None
    ]
    close = [one for one in judged if one.close]
    sure = [one for one in judged if one.sure]
    wrong = [one for one in sure if one.regret is None or one.regret > CLOSE]
    regrets = [one.regret for one in judged if one.regret is not None]
    return Quality(
        answers=answers,
        right=share(sum(one.picked == one.best for one in judged), len(judged)),
        measured_first=measured_first,
        untrainable=len(judged) - len(regrets),
        median=median(regrets) if regrets else None,
        high=_nearly_all(regrets) if regrets else None,
        worst=max(regrets, default=None),
        unsure_if_close=share(sum(not one.sure for one in close), len(close)),
        wrong_if_sure=share(len(wrong), len(sure)),
        picks=judged,
    )


def always(backend: str, times: Sequence[Times]) -> Quality:
    """Return how good it is to take one backend whatever is trained."""
    picks = [
        Pick(reference=own.reference, epochs=own.epochs, backend=backend, sure=True, source="")
        for own in times
    ]
    return judge(f"{ALWAYS}{backend}", times, picks)


def _nearly_all(regrets: Sequence[float]) -> float:
    """Return the smallest regret that 95% do not exceed: one of them, nothing between two."""
    return float(np.quantile(regrets, _NEARLY_ALL, method="inverted_cdf"))


_SENSIBLE = 2
"""Backends with a time: with fewer there is nothing to pick."""


def newest(results: Path, machine: str | None) -> Path:
    """Return the folder of the newest run, of this machine or of any; finished ones first.

    Raises `UserError` if there is none.
    """
    runs = [
        stored
        for stored in stored_runs(results, lambda _: None)
        if stored.run.plan.get("study") == STUDY and machine in (None, stored.run.machine)
    ]
    if not runs:
        raise UserError(f"{results}: no run of `make fastest`: leave out --report")
    return max(runs, key=lambda stored: stored.run.finished is not None).folder


def result_of(folder: Path) -> FastestTruth:
    """Judge a run; raises `UserError` naming what cannot be read or judged."""
    loaded = read_run(folder)
    plan = _plan(loaded)
    rows = with_own_setups(loaded.times)
    every = [times_of(own, rows, plan.backends) for own in plan.trainings]
    times = [own for own in every if len(own.seconds) >= _SENSIBLE]
    if not times:
        raise UserError(f"{folder}: no training was measured on two backends")
    trainings = [own for own in plan.trainings if own.reference in _references(times)]
    estimates = dict(estimates_of_others(trainings, plan, loaded.times))
    enough = {reference: is_enough(found) for reference, found in estimates.items()}
    never = [pick_of(own, choose(estimates[own.reference]), NEVER) for own in trainings]
    answers = read_answers(folder)
    facts = loaded.facts.environment
    return FastestTruth(
        machine=loaded.run.machine,
        cpu=facts.cpu,
        cores=facts.cores,
        when=loaded.run.started,
        dtype=plan.dtype,
        threads=plan.threads,
        processes=len({row.repeat for row in loaded.times}),
        backends=plan.backends,
        trainings=times,
        without=[own.reference for own in every if own not in times],
        qualities=[
            judge(NEVER.name, times, never),
            *(_of_way(way, times, answers, enough) for way in WAYS),
            *(always(backend, times) for backend in plan.backends),
        ],
        warnings=_warnings(loaded, plan.threads),
        results=folder,
    )


def estimates_of_others(
    trainings: Sequence[Training], plan: FastestPlan, rows: Sequence[Measurement]
) -> Iterator[tuple[str, list[Candidate]]]:
    """Yield each training and what the rows of all others say of its candidates.

    By the same functions ``measure="never"`` answers where only those were measured.
    """
    here = [BackendHere(name=name, device=registry.load(name).device) for name in plan.backends]
    known = [own.row for own in known_rows("", rows, {})]
    for training in trainings:
        told = arguments(training, plan.backends, plan.dtype, plan.threads)
        asked = question(**told, measure="never", seconds=1.0)
        others = [row for row in known if row.work.shape != asked.work.shape]
        found = candidates(asked.work, asked.iterations, here, others, fit(others))
        yield training.reference, list(found)


def _of_way(
    way: Way, times: Sequence[Times], answers: Iterable[Pick], enough: Mapping[str, bool]
) -> Quality:
    """Judge what was answered in one way; ``enough`` says where estimates are, which is cached."""
    if way.of_default:
        times = [_of_default(own) for own in times]
        times = [own for own in times if len(own.seconds) >= _SENSIBLE]
    known = _references(times)
    picks = [pick for pick in answers if pick.way == way and pick.reference in known]
    measured = [pick for pick in picks if way.measure == "now" or not enough[pick.reference]]
    return judge(way.name, times, picks, len(measured))


def _of_default(times: Times) -> Times:
    kept = {name: taken for name, taken in times.seconds.items() if name in registry.DEFAULT}
    return replace(times, seconds=kept)


def _references(times: Sequence[Times]) -> set[str]:
    return {own.reference for own in times}


def _plan(loaded: LoadedRun) -> FastestPlan:
    try:
        return msgspec.convert(loaded.run.plan, FastestPlan)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}: plan: {error}") from None


def _warnings(loaded: LoadedRun, threads: int) -> list[MeasurementWarning]:
    facts, budget = loaded.facts, loaded.run.budget
    warnings = contention_warnings(loaded.times)
    if facts.conditions is not None:
        own = warnings_about(facts.environment, threads, facts.conditions, facts.earlier)
        warnings = [*own, *warnings]
    if loaded.run.cut_short and budget is not None:
        warnings = [budget_warning(budget.seconds), *warnings]
    return warnings
