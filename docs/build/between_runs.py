"""By what factor the runs behind a figure differ; an interval of one run cannot say that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from operator import attrgetter

from perceptron.answer import Answered
from perceptron.numbers import NONE, digits
from perceptron.questions.bench.finding import finding_rows
from perceptron.questions.crossover.judge import Crossover, ratio_near
from perceptron.questions.other_sessions import starts
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import CONFIDENCE, ratio_within
from perceptron.statistics.sessions import by_run, in_sessions

COLUMN = "between runs"
ONE_RUN = "one run"
_NUMPY = "numpy"


def of_finding(bench: Answered, backend: str) -> str:
    """Return by what factor the ratio of a backend to ``numpy`` on the OR gate differs."""
    each = by_run(finding_rows(_fewest(bench))).values()
    found = [ratio_within(own, backend, _NUMPY) for own in each if backend != _NUMPY]
    return _factor("", [one.estimate for one in found if one is not None])


def of_crossover(bench: Answered, found: Crossover) -> str:
    """Return by what factor the size of a crossover differs; without one, the closest ratio."""
    alone = found.sessions or []
    sizes = [one.size for one in alone if one.size is not None]
    if found.size is not None and len(sizes) == len(alone):
        return _factor("size ", sizes)
    closest = min(found.ratio_at, key=lambda at: abs(log(at.ratio)))
    rows = [row for row in _fewest(bench) if row.family == found.family]
    each = (ratio_near(found, own, closest.size, CONFIDENCE) for own in by_run(rows).values())
    return _factor("ratio ", [one.estimate for one in each if one is not None])


def number_of(told: Answered) -> str:
    """Return how many runs, of how many sessions, answer together."""
    together = starts(told.run)
    if len(together) == 1:
        return ONE_RUN
    number = len(in_sessions(together))
    return f"{len(together)} runs of {'one session' if number == 1 else f'{number} sessions'}"


def runs_of(told: Answered) -> str:
    """Return how many runs answer together, and when each began."""
    began = sorted(starts(told.run))
    times = ", ".join(f"{one[:10]} {one[11:16]}" for one in began)
    return number_of(told) + (f", begun at {times} UTC" if len(began) > 1 else "")


def _fewest(bench: Answered) -> list[Measurement]:
    """Return the rows of all runs with the fewest threads, as the pages show them."""
    rows: Sequence[Measurement] = bench.run.times
    threads = min(filter(None, map(attrgetter("all_threads"), rows)))
    return [row for row in (*rows, *bench.run.others) if row.all_threads == threads]


def _factor(what: str, estimates: Iterable[float]) -> str:
    every = sorted(estimates)
    if len(every) < 2:
        return ONE_RUN if every else NONE
    return f"{what}{digits(every[-1] / every[0])}×"
