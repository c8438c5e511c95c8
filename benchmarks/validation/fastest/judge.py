"""Judge a stored run: what the trainings take, what is answered about each, and how good that is.

Nothing is measured: the same rows give the answers of today's code. A training has a process of
its own, which compiles for it. Unlike an import, that counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.validation import lines
from benchmarks.validation.fastest.measure import (
    ANSWERS,
    NEVER,
    WAYS,
    Pick,
    Way,
    arguments,
    pick_of,
)
from benchmarks.validation.fastest.trainings import STUDY, FastestPlan, Training
from benchmarks.validation.share import Share, share
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
ALWAYS = "always "
"""What the name of a quality begins with that takes one backend whatever is asked."""


class Times(Struct, frozen=True, kw_only=True):
    """What a whole training takes on each backend, in seconds: medians over the processes."""

    reference: str
    epochs: int
    seconds: dict[str, float]
    """By backend, the fastest first; those that cannot train it are not there."""

    @property
    def best(self) -> str:
        """The fastest backend."""
        return next(iter(self.seconds))

    @property
    def is_close(self) -> bool:
        """Whether the two best are within 10%."""
        times = list(self.seconds.values())
        return len(times) > 1 and times[1] / times[0] <= CLOSE

    def regret(self, backend: str) -> float | None:
        """Return the time of a backend over that of the best; None if it cannot train this."""
        seconds = self.seconds.get(backend)
        return None if seconds is None else seconds / self.seconds[self.best]


class Quality(Struct, frozen=True, kw_only=True):
    """How good the picks of one way to answer are, or those of always taking one backend."""

    answers: str
    """The name of the way that was asked, or ``always`` and a backend."""
    measured_first: int
    """Answers for which this training was measured."""
    right: Share
    """The pick is the fastest."""
    untrainable: int
    """Picks that cannot train what was asked."""
    median: float | None
    """Of the regret, time of the pick over time of the best; as the next two."""
    high: float | None
    """95% of the regrets are at most this."""
    worst: float | None
    unsure_if_close: Share
    """Of the trainings whose two best are within 10%, those of which it said so."""
    wrong_if_sure: Share
    """Of the picks that were called sure, those that take over 10% longer than the best."""
    picks: list[tuple[Pick, Times]]
    """Each beside what the training takes."""

    @property
    def is_asked(self) -> bool:
        """Whether somebody answered, and did not always take one backend."""
        return not self.answers.startswith(ALWAYS)

    @property
    def label(self) -> str:
        """What tables and figures call it."""
        if not self.is_asked:
            return self.answers
        measure, comma, rest = self.answers.partition(",")
        return f'measure="{measure}"{comma}{rest}'


@dataclass(frozen=True)
class FastestTruth:
    """How good `perceptron.fastest` is on one machine, by the run of a plan."""

    run: LoadedRun
    plan: FastestPlan
    trainings: list[Times]
    without: list[str]
    """Trainings that fewer than two backends have a time of: nothing is to be picked."""
    qualities: list[Quality]
    warnings: list[MeasurementWarning]


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
        (pick, by_reference[pick.reference]) for pick in picks if pick.reference in by_reference
    ]
    regrets = [own.regret(pick.backend) for pick, own in judged]
    known = [regret for regret in regrets if regret is not None]
    of_sure = [regret for regret, (pick, _) in zip(regrets, judged, strict=True) if pick.sure]
    unsure_if_close = [not pick.sure for pick, own in judged if own.is_close]
    return Quality(
        answers=answers,
        right=share(sum(pick.backend == own.best for pick, own in judged), len(judged)),
        measured_first=measured_first,
        untrainable=len(judged) - len(known),
        median=median(known) if known else None,
        # One of the regrets, nothing between two.
        high=float(np.quantile(known, _NEARLY_ALL, method="inverted_cdf")) if known else None,
        worst=max(known, default=None),
        unsure_if_close=share(sum(unsure_if_close), len(unsure_if_close)),
        wrong_if_sure=share(
            sum(regret is None or regret > CLOSE for regret in of_sure), len(of_sure)
        ),
        picks=judged,
    )


def always(backend: str, times: Sequence[Times]) -> Quality:
    """Return how good it is to take one backend whatever is trained."""
    picks = [
        Pick(reference=own.reference, epochs=own.epochs, backend=backend, sure=True, source="")
        for own in times
    ]
    return judge(f"{ALWAYS}{backend}", times, picks)


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
    try:
        plan = msgspec.convert(loaded.run.plan, FastestPlan)
    except msgspec.ValidationError as error:
        raise UserError(f"{loaded.folder / 'run.json'}: plan: {error}") from None
    rows = with_own_setups(loaded.times)
    every = [times_of(own, rows, plan.backends) for own in plan.trainings]
    times = [own for own in every if len(own.seconds) >= _SENSIBLE]
    if not times:
        raise UserError(f"{folder}: no training was measured on two backends")
    trainings = [own for own in plan.trainings if own.reference in _references(times)]
    estimates = dict(estimates_of_others(trainings, plan, loaded.times))
    enough = {reference: is_enough(found) for reference, found in estimates.items()}
    never = [pick_of(own, choose(estimates[own.reference]), NEVER) for own in trainings]
    answers = lines.read(folder / ANSWERS, Pick)
    return FastestTruth(
        run=loaded,
        plan=plan,
        trainings=times,
        without=[own.reference for own in every if own not in times],
        qualities=[
            judge(NEVER.name, times, never),
            *(_of_way(way, times, answers, enough) for way in WAYS),
            *(always(backend, times) for backend in plan.backends),
        ],
        warnings=_warnings(loaded, plan.threads),
    )


def estimates_of_others(
    trainings: Sequence[Training], plan: FastestPlan, rows: Sequence[Measurement]
) -> Iterator[tuple[str, list[Candidate]]]:
    """Yield each training and what the rows of all others say of its candidates.

    By the same functions ``measure="never"`` answers where only those were measured.
    """
    known = [own.row for own in known_rows("", rows, {})]
    told = [arguments(one, plan.backends, plan.dtype, plan.threads) for one in trainings]
    asked = [question(**one, measure="never", seconds=1.0) for one in told]
    for training, own in zip(trainings, asked, strict=True):
        others = [row for row in known if row.work.shape != own.work.shape]
        kind = own.work.shape.kind
        tried = any(one.work.shape.kind == kind for one in asked if one is not own)
        able = {row.backend for row in others if row.work.shape.kind == kind}
        here = [
            BackendHere(
                name=name,
                device=registry.load(name).device,
                unavailable="trained no other of this kind" if tried and name not in able else None,
            )
            for name in plan.backends
        ]
        found = candidates(own.work, own.iterations, here, others, fit(others))
        yield training.reference, list(found)


def _of_way(
    way: Way, times: Sequence[Times], answers: Iterable[Pick], enough: Mapping[str, bool]
) -> Quality:
    """Judge what was answered in one way; ``enough`` says where estimates are, which is cached."""
    if way.of_default:
        default = [
            {name: taken for name, taken in own.seconds.items() if name in registry.DEFAULT}
            for own in times
        ]
        times = [
            replace(own, seconds=kept)
            for own, kept in zip(times, default, strict=True)
            if len(kept) >= _SENSIBLE
        ]
    known = _references(times)
    picks = [pick for pick in answers if pick.way == way and pick.reference in known]
    measured = [pick for pick in picks if way.measure == "now" or not enough[pick.reference]]
    return judge(way.name, times, picks, len(measured))


def _references(times: Sequence[Times]) -> set[str]:
    return {own.reference for own in times}


def _warnings(loaded: LoadedRun, threads: int) -> list[MeasurementWarning]:
    facts, budget = loaded.facts, loaded.run.budget
    warnings = contention_warnings(loaded.times)
    if facts.conditions is not None:
        own = warnings_about(facts.environment, threads, facts.conditions, facts.earlier)
        warnings = [*own, *warnings]
    if loaded.run.cut_short and budget is not None:
        warnings = [budget_warning(budget.seconds), *warnings]
    return warnings
