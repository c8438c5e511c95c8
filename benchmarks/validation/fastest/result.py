"""Judge a stored run: what the trainings take, what is answered about each, and how good that is.

Nothing is measured: the same rows give the answers of today's code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.validation.fastest.asking import arguments, pick_of, read_answers
from benchmarks.validation.fastest.compiled_once import without_compiled_once
from benchmarks.validation.fastest.judge import always, judge, times_of
from benchmarks.validation.fastest.plan import STUDY
from benchmarks.validation.fastest.record import (
    NEVER,
    WAYS,
    FastestTruth,
    Pick,
    Quality,
    Times,
    Way,
)
from benchmarks.validation.fastest.shapes import Training
from perceptron.analysis.candidates import BackendHere, Candidate, candidates
from perceptron.analysis.cost_curve import fit
from perceptron.analysis.disturbance import disturbance_warnings
from perceptron.analysis.fastest import choose, is_enough
from perceptron.analysis.trust import budget_warning, warnings_about
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.runs import stored_runs
from perceptron.records.warning import MeasurementWarning
from perceptron.studies.fastest.question import question
from perceptron.studies.fastest.results import known_rows

_SENSIBLE = 2
"""Backends with a time: with fewer there is nothing to pick."""


class MeasuredPlan(Struct, frozen=True):
    """What a run says that it measured."""

    trainings: list[Training]
    seed: int
    backends: list[str]
    dtype: DType
    threads: int
    processes: int


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
    rows = without_compiled_once(loaded.rows)
    every = [times_of(own, rows, plan.backends) for own in plan.trainings]
    times = [own for own in every if len(own.seconds) >= _SENSIBLE]
    if not times:
        raise UserError(f"{folder}: no training was measured on two backends")
    trainings = [own for own in plan.trainings if own.reference in _references(times)]
    estimates = dict(estimates_of_others(trainings, plan, rows))
    enough = {reference: is_enough(found) for reference, found in estimates.items()}
    never = [
        pick_of(own, choose(estimates[own.reference]), NEVER, enough[own.reference])
        for own in trainings
    ]
    answers = read_answers(folder)
    facts = loaded.facts.environment
    return FastestTruth(
        machine=loaded.run.machine,
        cpu=facts.cpu,
        cores=facts.cores,
        libraries=facts.libraries,
        when=loaded.run.started,
        dtype=plan.dtype,
        threads=plan.threads,
        processes=len({row.process for row in loaded.rows}),
        seed=plan.seed,
        backends=plan.backends,
        trainings=times,
        without=[own.reference for own in every if own not in times],
        qualities=[
            judge(NEVER, times, never),
            *(_judged(way, times, answers, enough) for way in WAYS),
            *(always(backend, times) for backend in plan.backends),
        ],
        warnings=_warnings(loaded, plan.threads),
        budget=loaded.run.budget,
        results=folder,
    )


def estimates_of_others(
    trainings: Sequence[Training], plan: MeasuredPlan, rows: Sequence[Measurement]
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


def _judged(
    way: Way, times: Sequence[Times], answers: Iterable[Pick], enough: Mapping[str, bool]
) -> Quality:
    """Judge what was answered in one way; ``enough`` says where estimates are, which is cached."""
    if way.of_default:
        times = [own.of(registry.DEFAULT) for own in times]
        times = [own for own in times if len(own.seconds) >= _SENSIBLE]
    known = _references(times)
    picks = [pick for pick in answers if pick.way == way and pick.reference in known]
    measured = [pick for pick in picks if way.measure == "now" or not enough[pick.reference]]
    return judge(way, times, picks, len(measured))


def _references(times: Sequence[Times]) -> set[str]:
    return {own.reference for own in times}


def _plan(loaded: LoadedRun) -> MeasuredPlan:
    try:
        return msgspec.convert(loaded.run.plan, MeasuredPlan)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}: plan: {error}") from None


def _warnings(loaded: LoadedRun, threads: int) -> list[MeasurementWarning]:
    facts, budget = loaded.facts, loaded.run.budget
    warnings = disturbance_warnings(loaded.rows)
    if facts.conditions is not None:
        own = warnings_about(facts.environment, threads, facts.conditions, facts.earlier)
        warnings = [*own, *warnings]
    if loaded.run.cut_short and budget is not None:
        warnings = [budget_warning(budget.seconds), *warnings]
    return warnings
