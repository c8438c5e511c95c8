"""Advise which backend trains fastest, for both `perceptron.fastest` and `perceptron advise`.

The times of the backends become an `Advice` with its sentence; `rank` alone decides. scipy is not
imported, so that a program that calls `fastest` need not wait for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from math import exp, inf, log, sqrt
from statistics import median
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from perceptron.answer import Decided
from perceptron.errors import UserError
from perceptron.numbers import count, duration_interval
from perceptron.questions.fastest.measured_shape import (
    GIVEN_UP,
    UNASKED,
    MeasuredShape,
    of_processes,
)
from perceptron.questions.shared.ranking_sentence import (
    alone,
    reasons,
    takes,
    tie,
    undecided_between,
)
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import hidden, is_contended, lost, side_by_side
from perceptron.statistics.interval import (
    CONFIDENCE,
    Interval,
    of_logarithms,
    of_times,
    standing,
)
from perceptron.statistics.over_processes import named
from perceptron.statistics.ranking import Doubt, Ranking, SideBySide, confidence_of, rank
from perceptron.statistics.select import NOT_REACHED
from perceptron.statistics.sessions import Start, normal_half_width

Source = Literal["measured", "unknown"]

NOT_KNOWN = "not measured for this shape on this machine"
MODULES = ("torch-cpu", "torch-cuda", "torch-mps", "torch-xpu")
"""Backends that train as a program trains a PyTorch module: eagerly, on a device."""
AS_IT_IS = (*MODULES, "torch-cpu-compiled", "torch-cuda-compiled")
"""Backends that train any module as it is, the compiled ones by `torch.compile`."""
ALIKE = 1.1
"""Times that were not measured side by side are not distinguished within this factor."""
DEAR = 1.5
"""A pick that may take this many times as long as another backend is measured again."""
# Number of slower backends that a sentence names.
_NAMED = 2


class Candidate(Struct, frozen=True, kw_only=True):
    """One backend of a query; without a time it has a ``reason``.

    ``seconds`` are those of the whole training, setup included; ``low`` and ``high`` are their
    interval at about 95%, None for a single repeat.
    """

    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    ratio_to_fastest: Interval | None = None
    """Its time over the fastest one's, with the interval that decided; None for the fastest."""
    doubt: Doubt | None = None
    """Why it may be as fast as the fastest; None if it is not, or ties."""
    source: Source = "unknown"
    reason: str | None = None
    """Why there is no time."""
    setup_seconds: float | None = None
    """The part of ``seconds`` that is spent once, before the first iteration."""
    seconds_per_iteration: float | None = None
    """The seconds that each further iteration adds."""

    @property
    def may_have_time(self) -> bool:
        """Whether it has no time yet, but may be the fastest."""
        return self.seconds is None and self.reason in (NOT_KNOWN, NOT_REACHED, *GIVEN_UP)


# --- the times of the candidates -----------------------------------------------------------------


def candidate(row: MeasuredShape, iterations: int) -> Candidate:
    """Return a candidate with the time of a training of ``iterations``, and its interval."""
    counted = _counted(row.trainings(iterations))
    middle, error = of_processes([training.seconds or 0.0 for training in counted])
    half_width, is_single = normal_half_width(CONFIDENCE) * error, len(counted) == 1
    return Candidate(
        backend=row.backend,
        device=row.device,
        seconds=exp(middle),
        # Waiting only ever adds.
        low=None if is_single else exp(middle - half_width - lost(counted)),
        high=None if is_single else exp(middle + half_width),
        source="measured",
        setup_seconds=median(repeat.setup_seconds for repeat in row.repeats),
        seconds_per_iteration=median(repeat.seconds for repeat in row.repeats),
    )


def _counted(trainings: Iterable[Measurement]) -> list[Measurement]:
    """Return the trainings of one backend that count: the uncontended ones if there are any."""
    (counted,) = side_by_side({row.repeat: row for row in trainings})
    return counted


def row_of(backend: str, rows: Iterable[MeasuredShape]) -> MeasuredShape | None:
    """Return the newest row of a backend; None if there is none.

    A contended row counts as older than all others.
    """
    matching = [row for row in rows if row.backend == backend]
    return max(reversed(matching), key=lambda row: (not row.is_contended, row.when), default=None)


class Trainings:
    """Whole trainings of ``iterations`` on backends with a row, by one or more rows of each.

    The newest row of a backend counts, and those of other runs that join it.
    """

    def __init__(self, rows: Iterable[MeasuredShape], iterations: int) -> None:
        rows = list(rows)
        self.newest = {
            name: newest
            for name in dict.fromkeys(row.backend for row in rows)
            if (newest := row_of(name, rows)) is not None
        }
        """The newest row of each backend, as from `row_of`."""
        self._trainings = {name: row.trainings(iterations) for name, row in self.newest.items()}
        runs = _by_run(row for row in rows if row.joins(self.newest[row.backend]))
        self._joined = SideBySide(
            {
                start: [training for row in of_run for training in row.trainings(iterations)]
                for start, of_run in runs.items()
            }
        )
        self._in_runs = {row.backend for of_run in runs.values() for row in of_run}

    def ranking(
        self, names: Collection[str], unmeasured: Iterable[str] = (), unable: Iterable[str] = ()
    ) -> Ranking:
        """Rank the named backends that have a row, beside those that are unmeasured or unable."""
        seconds = {name: self._seconds(name) for name in self.newest if name in names}
        ranking = rank(seconds, self.ratio, unmeasured, unable)
        return replace(ranking, doubts={name: self._doubt(ranking, name) for name in ranking.open})

    def ratio(self, first: str, second: str, confidence: float) -> Interval | None:
        """Return the time of the first over that of the second, with its interval, for `rank`."""
        ratio = self._side_by_side(first, second, confidence)
        if ratio is not None:
            return ratio
        return of_other_minutes(self._trainings[first], self._trainings[second], confidence)

    def _side_by_side(self, first: str, second: str, confidence: float) -> Interval | None:
        """Return the ratio of repeats side by side; None without any.

        Nor do earlier runs count that leave an end open, by contention or a single repeat, where
        either backend was measured again.
        """
        ratio = self._joined.ratio(first, second, confidence)
        is_newest = self.newest[first].together == self.newest[second].together
        if ratio is None or is_newest or standing(ratio) != "open" or None not in ratio.ends:
            return ratio
        return None

    def _seconds(self, name: str) -> float:
        if name in self._in_runs:
            return self._joined.seconds(name)
        return of_times([row.seconds or 0.0 for row in self._trainings[name]]).estimate

    def _doubt(self, ranking: Ranking, name: str) -> Doubt:
        doubt = ranking.doubts[name]
        if doubt == "not measured":
            return doubt
        first, level = ranking.order[0], confidence_of(len(ranking.order))
        if self._side_by_side(name, first, level) is not None:
            return self._joined.doubt(ranking, name)
        sides = self._trainings[first], self._trainings[name]
        if any(map(is_contended, chain(*map(_counted, sides)))):
            return "contended"
        return doubt if doubt == "one repeat" else "not side by side"


def _by_run(rows: Iterable[MeasuredShape]) -> dict[Start, list[MeasuredShape]]:
    """Group the rows by the start of their run.

    Of a run that measured two problems of this shape, take the one with more backends: only repeats
    of one problem are side by side.
    """
    runs: dict[Start, list[MeasuredShape]] = {}
    for problem in grouped(rows, lambda row: row.together).values():
        start = problem[0].session
        runs[start] = max(runs.get(start, []), problem, key=len)
    return runs


def of_other_minutes(
    first: Sequence[Measurement], second: Sequence[Measurement], confidence: float
) -> Interval:
    """Return the ratio of times that were not measured side by side.

    The machine may have changed in between, so the interval extends by at least the factor `ALIKE`
    to each side, and is never a tie.
    """
    sides = [_counted(rows) for rows in (first, second)]
    (over, error), (under, under_error) = (
        of_processes([row.seconds or 0.0 for row in rows]) for rows in sides
    )
    if min(map(len, sides)) < 2:
        return Interval(exp(over - under), None, None)
    sampling = normal_half_width(confidence) * sqrt(error**2 + under_error**2)
    half_width = max(log(ALIKE), sampling) + max(hidden(*sides))
    return of_logarithms(over - under, over - under - half_width, over - under + half_width)


def is_enough(candidates: Iterable[Candidate]) -> bool:
    """Return whether no further measurement is needed.

    Every backend must have a time or a reason for having none, and no contended time may leave it
    possible that another backend takes less than 1/`DEAR` of the pick's time.
    """
    return not any(
        option.reason == NOT_KNOWN
        or (
            option.doubt == "contended"
            and (not option.ratio_to_fastest or (option.ratio_to_fastest.low or 0.0) < 1 / DEAR)
        )
        for option in candidates
    )


# --- the answer ----------------------------------------------------------------------------------


class Advice(Struct, frozen=True, kw_only=True):
    """The fastest backend for a training: the answer of `perceptron.fastest` and of ``advise``."""

    backend: str
    """The fastest; empty if none can train this here."""
    device: str
    """Where it trains: ``cpu``, ``cuda`` …"""
    compiled: bool = False
    """Whether the user's module is to go through `torch.compile`."""
    seconds: float | None
    """Seconds of the whole training; None if nothing was measured."""
    low: float | None
    """Lower end of the 95% interval of ``seconds``; 0 if waiting for cores may explain all of the
    time, None for a single repeat."""
    high: float | None
    """Upper end of the interval."""
    why: str
    """One line: ``sentence``, the time, and where it comes from or what leaves it undecided."""
    decided: bool
    """Whether all others are known to tie, to take longer, or to be unable to train this here."""
    source: Source
    """``measured`` or ``unknown``."""
    measured: str | None
    """Time of the newest measurement behind the answer: UTC, ISO 8601."""
    stale: str | None
    """The libraries that have changed since then, in one line; None without any."""
    candidates: tuple[Candidate, ...]
    """All backends of the query, the fastest first."""
    problem: str = ""
    """The training: a reference such as ``mlp:60000x784x128:10c``, or the name of a model."""
    iterations: int = 0
    """Iterations of the whole training, in all epochs."""
    epochs: int | None = None
    """None if the length of the training was given in iterations."""
    dtype: str = ""
    threads: int = 0
    sentence: str = ""
    """The verdict: the fastest backend, and how many times as long others take."""
    ties: tuple[str, ...] = ()
    """Backends within ±5% of the fastest, by repeats measured side by side."""
    open: tuple[str, ...] = ()
    """Backends that may be as fast or faster; each has its ``doubt`` among the candidates."""

    @property
    def how_decided(self) -> Decided:
        """``yes`` if decided, ``partly`` if only some others may be as fast, else ``no``."""
        if self.decided:
            return "yes"
        others = {option.backend for option in self.candidates if option.ratio_to_fastest}
        return "partly" if others.difference(self.open) else "no"

    @property
    def use(self) -> str | None:
        """The backend to use; None if nothing is decided."""
        return None if self.how_decided == "no" else self.backend

    def apply(self, model: Any) -> Any:
        """Move a PyTorch module to where it trains fastest, as `Module.to` does, and return it.

        If the advice is ``compiled``, return `torch.compile` of it. Raises `UserError` if the
        fastest backend trains no PyTorch module.
        """
        if self.backend not in MODULES and not self.compiled:
            raise UserError(
                f"apply: {self.backend or 'no backend'} trains no PyTorch module: "
                "ask fastest(model, …), which names a device for it"
            )
        if not callable(getattr(model, "to", None)):
            raise UserError(f"apply: {type(model).__name__} is no PyTorch module")
        moved = model.to(self.device)
        if not self.compiled:
            return moved
        import torch

        return torch.compile(moved)


def ranking_of(
    candidates: Iterable[Candidate], trainings: Trainings, able: Sequence[str] | None = None
) -> Ranking:
    """Rank the candidates that an answer may name: the ``able`` ones, all by default."""
    candidates = list(candidates)
    picks = [option for option in candidates if able is None or option.backend in able]
    timed = [option.backend for option in picks if option.seconds is not None]
    # A backend that was never probed may be able to run here.
    may_have = [
        option.backend for option in picks if option.may_have_time or option.reason in UNASKED
    ]
    others = [option.backend for option in candidates if option.backend not in (*timed, *may_have)]
    return trainings.ranking(timed, may_have, others)


def ranked(candidates: Iterable[Candidate], ranking: Ranking) -> list[Candidate]:
    """Return the candidates, each with its ratio and doubt from a ranking."""
    ratios, doubts = ranking.ratios, ranking.doubts
    return [
        replace(
            option, ratio_to_fastest=ratios.get(option.backend), doubt=doubts.get(option.backend)
        )
        for option in candidates
    ]


def choose(
    candidates: Sequence[Candidate],
    ranking: Ranking,
    measured: str | None = None,
    stale: str | None = None,
    able: Sequence[str] | None = None,
    new: Collection[str] = (),
) -> Advice:
    """Return the advice for the fastest candidate; without any time, for the first that can run.

    ``ranking`` is of the ``able`` candidates, by default all. ``new`` are the backends measured for
    this query. Raises ValueError without a candidate.
    """
    candidates = ranked(candidates, ranking)
    picks = [option for option in candidates if able is None or option.backend in able]
    if not picks:
        raise ValueError("no candidates to choose from")
    by_name = {option.backend: option for option in picks}
    best = by_name[ranking.order[0]] if ranking.order else _first(picks)
    has_time = best.seconds is not None
    is_here = has_time or best.may_have_time
    sentence = _sentence(candidates, ranking, best)
    # A backend that cannot train the module may be faster than the pick.
    leads = has_time and able is None
    return Advice(
        backend=best.backend if is_here else "",
        device=best.device if is_here else "",
        compiled=able is not None and best.backend.endswith("-compiled"),
        seconds=best.seconds,
        low=best.low,
        high=best.high,
        why=_why(sentence, best, ranking, None if best.backend in new else measured),
        decided=ranking.choice == "yes",
        source="measured" if has_time else "unknown",
        measured=measured if has_time else None,
        stale=stale if has_time else None,
        candidates=tuple(
            sorted(candidates, key=lambda option: (leads and option is not best, _of(option)))
        ),
        sentence=sentence,
        ties=ranking.ties,
        open=ranking.open,
    )


def _of(candidate: Candidate) -> float:
    return inf if candidate.seconds is None else candidate.seconds


def _first(candidates: Sequence[Candidate]) -> Candidate:
    """Return NumPy if it can run here, else the first that can, else the first."""
    able = [option for option in candidates if option.may_have_time]
    return next((option for option in able if option.backend == "numpy"), (able or candidates)[0])


def _sentence(candidates: Sequence[Candidate], ranking: Ranking, best: Candidate) -> str:
    """Return the sentence: the fastest backend, and how many times as long others take."""
    if best.reason == NOT_KNOWN:
        return f"undecided: nothing is known of such a training on this machine, so {best.backend}"
    if best.seconds is None:
        reasons = (f"{option.backend}: {option.reason}" for option in candidates if option.reason)
        return f"not measured: {'; '.join(reasons)}"
    slower, first = ranking.slower, named(best.backend)
    if between := undecided_between(ranking):
        first = between
    elif ranking.ties:
        first = tie((best.backend, *ranking.ties))
    elif ranking.is_alone and ranking.choice == "yes":
        # Backends that cannot train a module have the times of a rewrite.
        is_module = any(option.seconds for option in candidates if option is not best)
        first += f", the only backend that can train {'a module' if is_module else 'it'} here"
    elif ranking.is_alone:
        first = alone(ranking)
    elif not slower:
        first = "undecided"
    else:
        first += " is fastest"
    parts = [takes(name, ratio) for name in slower[:_NAMED] if (ratio := ranking.ratios[name])]
    if len(slower) > _NAMED:
        parts.append(f"{count(len(slower) - _NAMED)} more take longer")
    return "; ".join([first, *parts])


def _why(sentence: str, best: Candidate, ranking: Ranking, measured: str | None) -> str:
    """Return the sentence with the time and its day, and what leaves it undecided.

    ``measured`` is None for a time measured for this query.
    """
    if best.seconds is None:
        return f"{sentence}; next: a larger seconds" if best.reason in GIVEN_UP else sentence
    source = "measured now" if measured is None else f"measured on {measured[:10]}"
    time = duration_interval(best.seconds, best.low, best.high)
    parts = [sentence, f"{named(best.backend)} takes {time}, {source}"]
    if why := ", and ".join(reasons(best.backend, ranking.doubts)):
        parts.append(f"{'why' if sentence.startswith('undecided') else 'undecided'}: {why}")
    return "; ".join(parts)
