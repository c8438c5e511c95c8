"""Compute the factor by which several runs differ, which the interval of one run does not show."""

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
    """Return the factor between runs of a backend's ratio to ``numpy`` on the OR gate."""
    runs = by_run(finding_rows(_fewest(bench))).values()
    ratios = [ratio_within(rows, backend, _NUMPY) for rows in runs if backend != _NUMPY]
    return _factor("", [ratio.estimate for ratio in ratios if ratio is not None])


def of_crossover(bench: Answered, crossover: Crossover) -> str:
    """Return the factor between runs of a crossover's size, or else of the ratio closest to 1."""
    alone = crossover.sessions or []
    sizes = [session.size for session in alone if session.size is not None]
    if crossover.size is not None and len(sizes) == len(alone):
        return _factor("size ", sizes)
    closest = min(crossover.ratio_at, key=lambda at: abs(log(at.ratio)))
    rows = [row for row in _fewest(bench) if row.family == crossover.family]
    ratios = (
        ratio_near(crossover, run_rows, closest.size, CONFIDENCE)
        for run_rows in by_run(rows).values()
    )
    return _factor("ratio ", [ratio.estimate for ratio in ratios if ratio is not None])


def number_of(answered: Answered) -> str:
    """Return the number of runs and sessions behind an answer, in words."""
    begun = starts(answered.run)
    if len(begun) == 1:
        return ONE_RUN
    number = len(in_sessions(begun))
    return f"{len(begun)} runs of {'one session' if number == 1 else f'{number} sessions'}"


def runs_of(answered: Answered) -> str:
    """Return the number of runs behind an answer, and the start of each, in words."""
    began = sorted(starts(answered.run))
    times = ", ".join(f"{start[:10]} {start[11:16]}" for start in began)
    return number_of(answered) + (f", begun at {times} UTC" if len(began) > 1 else "")


def _fewest(bench: Answered) -> list[Measurement]:
    """Return the rows with the fewest threads, of all runs: those that the pages show."""
    rows: Sequence[Measurement] = bench.run.times
    threads = min(filter(None, map(attrgetter("all_threads"), rows)))
    return [row for row in (*rows, *bench.run.others) if row.all_threads == threads]


def _factor(label: str, estimates: Iterable[float]) -> str:
    every = sorted(estimates)
    if len(every) < 2:
        return ONE_RUN if every else NONE
    return f"{label}{digits(every[-1] / every[0])}×"
