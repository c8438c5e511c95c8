"""Rough answers if all repeats were contended, from the smallest samples of fresh processes.

Waiting only adds, so the smallest sample is the nearest to an uncontended one. It bounds nothing
from below, so a rough answer decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from math import exp, log

from perceptron.numbers import digits, times_as_long
from perceptron.options import option, wait
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import contention
from perceptron.statistics.interval import TIE
from perceptron.statistics.ranking import Ranking
from perceptron.statistics.select import has_time
from perceptron.statistics.sizes import sized

NOT_DECIDED = "not decided"
"""Follows a rough answer."""
TOO_BUSY = "too busy to compare"
"""Why an answer is rough."""


def not_decided(answer: str, rows: Iterable[Measurement]) -> str:
    """Return a rough answer with its reason: the share of samples that was contended."""
    share = contention(rows).share
    samples = "every sample was" if not share or share >= 0.995 else f"{share:.0%} of samples were"
    return f"{answer}, {NOT_DECIDED}: {samples} contended"


def what_helps(threads: int | None) -> str:
    """Return the options that reduce the waiting of ``threads`` threads."""
    return wait() if threads == 1 else f"{wait()} or {option('threads', 1)}"


def rough_lead(rows: Iterable[Measurement], ranking: Ranking) -> str | None:
    """Return a rough answer about the fastest and the first contended candidate of one problem.

    None if contention leaves no candidate open.
    """
    rival = next((name for name, doubt in ranking.doubts.items() if doubt == "contended"), None)
    if rival is None:
        return None
    leader, timed = ranking.order[0], list(filter(has_time, rows))
    sides = [[row for row in timed if row.backend == name] for name in (leader, rival)]
    lead = _lead(*sides)
    if abs(lead) <= TIE:
        answer = f"{leader} and {rival} are about equal"
    elif lead < 0:
        answer = f"{leader} leads by typical times, {rival} by smallest samples"
    else:
        answer = f"{leader} leads, {rival} takes about {times_as_long(exp(lead))}"
    return not_decided(answer, chain(*sides))


def rough(
    by_size: Sequence[Mapping[float, Sequence[Measurement]]],
    each_leads: tuple[str, str],
    both: str,
    axis: str,
) -> str:
    """Return a rough answer about the size at which the faster of a pair changes.

    ``by_size`` has each side's rows with a time by size, ``each_leads`` the clauses that a side
    leads, such as ``numpy leads``, and ``both`` the names of the two.
    """
    incumbent, challenger = by_size
    leads = [
        (log(size), _lead(incumbent[size], challenger[size]))
        for size in sorted(incumbent.keys() & challenger.keys())
    ]
    if all(abs(lead) <= TIE for _, lead in leads):
        return f"{both} are about equal"
    changes = [
        (exp(x - lead * (next_x - x) / (next_lead - lead)), next_lead)
        for (x, lead), (next_x, next_lead) in pairwise(leads)
        if (lead > 0) != (next_lead > 0)
    ]
    if not changes:
        return each_leads[leads[0][1] <= 0]
    if len(changes) == 1:
        ((size, lead),) = changes
        return f"{each_leads[lead <= 0]} from about {sized(digits(size), axis)}"
    ends = " and ".join(digits(size) for size, _ in (changes[0], changes[-1]))
    return f"the lead changes between about {sized(ends, axis)}"


def _lead(leader: Sequence[Measurement], rival: Sequence[Measurement]) -> float:
    """Return the logarithm of the rival's smallest sample over the leader's.

    Of their times if either has no samples: a smallest sample is shorter than a typical time.
    """
    sides = leader, rival
    samples = [
        [sample for row in rows for sample in (*row.samples, *row.dropped) if sample > 0]
        for rows in sides
    ]
    if not all(samples):
        samples = [[row.seconds for row in rows if row.seconds] for rows in sides]
    first, second = map(min, samples)
    return log(second) - log(first)
