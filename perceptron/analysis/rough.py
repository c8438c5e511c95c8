"""A rough answer where all was contended: from the smallest samples of fresh processes.

Waiting only ever adds, so a smallest sample is the nearest to an uncontended one. It bounds nothing
from below: what it says is told and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import exp, inf, log

from perceptron.analysis.contention import contention
from perceptron.analysis.sizes import sized
from perceptron.numbers import digits, times_as_long
from perceptron.options import option, wait
from perceptron.records.measurement import Measurement
from perceptron.records.row import has_waited

NOT_DECIDED = "not decided"
"""Follows a rough answer."""
TOO_BUSY = "too busy to compare"
"""Why an answer is rough."""


def not_decided(answer: str, rows: Iterable[Measurement]) -> str:
    """Return a rough answer, with what leaves it undecided: so many samples were contended."""
    share = contention(rows).share
    samples = "every sample was" if not share or share >= 0.995 else f"{share:.0%} of samples were"
    return f"{answer}, {NOT_DECIDED}: {samples} contended"


def what_helps(threads: int | None) -> str:
    """Return the options with which so many threads wait less."""
    return wait() if threads == 1 else f"{wait()} or {option('threads', 1)}"


def leads(by_backend: Mapping[str, Sequence[Measurement]], beside: str) -> str:
    """Return which of several backends leads at one size, and about how long another takes.

    That is ``beside``, or the next where that one leads. All have rows with a time.
    """
    smallest = {name: _smallest(rows) for name, rows in by_backend.items()}
    first, second, *_ = sorted(smallest, key=smallest.__getitem__)
    other = second if beside == first else beside
    return f"{first} leads, {other} takes about {times_as_long(smallest[other] / smallest[first])}"


def rough(
    by_size: Sequence[Mapping[float, Sequence[Measurement]]], pair: tuple[str, str], axis: str
) -> str:
    """Return about where the winner of a pair changes, by the rows of both with a time, by size."""
    incumbent, challenger = by_size
    leads = [
        (log(size), log(_smallest(challenger[size])) - log(_smallest(incumbent[size])))
        for size in sorted(incumbent.keys() & challenger.keys())
    ]
    turns = [
        (exp(x - lead * (beyond - x) / (then - lead)), then)
        for (x, lead), (beyond, then) in pairwise(leads)
        if (lead > 0) != (then > 0)
    ]
    if not turns:
        return f"{pair[leads[0][1] <= 0]} leads"
    if len(turns) == 1:
        ((size, then),) = turns
        return f"{pair[then <= 0]} leads from about {sized(digits(size), axis)}"
    ends = " and ".join(digits(size) for size, _ in (turns[0], turns[-1]))
    return f"the lead changes between about {sized(ends, axis)}"


def _smallest(rows: Sequence[Measurement]) -> float:
    """Return the smallest sample of rows that waited, and the time of others: pages have no more.

    See `without_samples`.
    """
    waited = (row for row in rows if has_waited(row))
    samples = (sample for row in waited for sample in (*row.samples, *row.dropped) if sample > 0)
    seconds = (row.seconds for row in rows if row.seconds)
    return min(min(samples, default=inf), *seconds)
