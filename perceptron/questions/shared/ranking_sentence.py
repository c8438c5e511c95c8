"""Sentences on a ranking, the same for every question that ranks.

The ranking itself decides what is known; this module only words it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, islice

from perceptron.answer import Verdict
from perceptron.numbers import enumerated, times_as_long
from perceptron.options import option
from perceptron.statistics.interval import Interval
from perceptron.statistics.over_processes import name_and_processes, named
from perceptron.statistics.ranking import Doubt, Ranking
from perceptron.statistics.rough import TOO_BUSY, what_helps
from perceptron.statistics.sessions import AGAIN

Called = Callable[[str], str]
"""A function from a candidate to its name in sentences."""

COLUMNS = 100
"""Characters that a verdict's line has room for."""
_DOUBTS: dict[Doubt, str] = {
    "not side by side": "{both} were not measured side by side",
    "one repeat": "{both} were compared in one repeat",
    "contended": f"{TOO_BUSY} {{both}}",
    "too noisy": "the repeats cannot separate {both}",
    "runs disagree": "runs of {both} disagree",
}


def takes(name: str, ratio: Interval, beside: str = "", called: Called = named) -> str:
    """Return ``torch-cpu takes 1.9× as long``; ``beside``, if given, names the fastest in it."""
    several = name_and_processes(name)[1] > 1
    other = called(beside) if beside else ""
    as_long = times_as_long(ratio.estimate, ratio.low, ratio.high, other)
    return f"{called(name)} {'take' if several else 'takes'} {as_long}"


def tie(names: Iterable[str]) -> str:
    """Return the sentence that these candidates tie."""
    return f"{enumerated(map(named, names))} tie: within 5%"


def undecided_between(ranking: Ranking) -> str:
    """Return a clause on the timed candidates that may be the fastest; empty if only one may."""
    open_ones = [name for name in ranking.order[1:] if name in ranking.open]
    every = (*ranking.order[:1], *ranking.ties, *open_ones)
    return f"undecided between {enumerated(map(named, every))}" if open_ones else ""


def reasons(fastest: str, doubts: Mapping[str, Doubt]) -> list[str]:
    """Return a clause for each kind of doubt, with the candidates that may be as fast."""
    clauses = []
    for doubt in dict.fromkeys(doubts.values()):
        names = [named(name) for name, other in doubts.items() if other == doubt]
        if doubt == "not measured":
            clauses.append(f"{enumerated(names)} {'was' if len(names) == 1 else 'were'} {doubt}")
        else:
            clauses.append(_DOUBTS[doubt].format(both=enumerated([named(fastest), *names])))
    return clauses


def alone(ranking: Ranking, time: str = "", called: Called = named) -> str:
    """Return the sentence on a candidate without a timed rival: its ``time``, and why.

    >>> alone(Ranking(order=("numpy",), ratios={}, ties=(), open=(), doubts={}, unable=("numba",)))
    'only numpy has a time; numba has none here: nothing to compare with'
    """
    why = "no other backend was asked for"
    if ranking.unable:
        have = "has" if len(ranking.unable) == 1 else "have"
        why = f"{enumerated(map(called, ranking.unable))} {have} none here"
    time = f": {time}" if time else ""
    return f"only {called(ranking.order[0])} has a time{time}; {why}: nothing to compare with"


def next_of(doubts: Iterable[Doubt], threads: int | None, more_time: str) -> str:
    """Return the next step for these doubts; ``more_time`` is the option for a larger budget."""
    doubts = set(doubts)
    if not doubts:
        return f"{option('backends')} with another one"
    if "runs disagree" in doubts:
        return AGAIN
    return what_helps(threads) if "contended" in doubts else more_time


def ranking_verdict(
    subject: str,
    ranking: Ranking,
    heading: str,
    threads: int | None,
    more_time: str,
    part: Callable[[str], str] = lambda backend: "",
) -> Verdict | None:
    """Return a verdict on the fastest, its ties and how long others take; None without a time.

    ``more_time`` is the option for a larger budget. ``part`` returns, for a backend, which part of
    a training was timed; empty for all of it.
    """
    best = ranking.fastest
    if best is None:
        return None

    def take(name: str, beside: str = "") -> str:
        ratio = ranking.ratios[name]
        assert ratio is not None, "it was measured side by side with the fastest"
        return takes(name, ratio, beside) + part(name)

    def of_each(names: Sequence[str]) -> list[str]:
        return [take(name, "" if index else best) for index, name in enumerate(names)]

    clauses = of_each(ranking.slower)
    if ranking.ties:
        clauses.insert(0, f"{tie((best, *ranking.ties))}, {take(ranking.ties[-1])}")
    more: list[str] = []
    if clauses:
        unsure = [f"undecided: {named(name)}, {ranking.doubts[name]}" for name in ranking.open]
        fit = _that_fit([*clauses, *unsure], f"{subject}  {ranking.decided}  ")
        sentence = "; ".join([*clauses, *unsure][:fit])
        # If all doubts are of one kind, the note below names it.
        named_below = len(set(ranking.doubts.values())) == 1
        more = (clauses if named_below else [*clauses, *unsure])[fit:]
    elif beside := [name for name in ranking.order[1:] if ranking.ratios[name] is not None]:
        doubt = ranking.doubts[beside[0]]
        sentence = f"undecided, {doubt}: by the estimate {'; '.join(of_each(beside))}"
    elif len(ranking.order) > 1:
        every = enumerated(map(named, ranking.order))
        sentence = f"undecided: no repeat timed {every} side by side"
    elif ranking.open:
        sentence = f"undecided: only {named(best)} has a time"
    else:
        sentence = alone(ranking)
    notes: tuple[str, ...] = ()
    if ranking.decided != "yes":
        why = "".join(f"why: {clause}; " for clause in reasons(best, ranking.doubts)[:1])
        first = list(ranking.doubts.values())[:1]
        notes = (f"{why}next: {next_of(first, threads, more_time)}",)
    if more:
        notes += (f"and {'; '.join(more)}",)
    return Verdict(
        subject=subject, decided=ranking.decided, sentence=sentence, notes=notes, heading=heading
    )


def _that_fit(clauses: Sequence[str], before: str) -> int:
    """Return how many clauses, at least one, fit on a line after the text ``before``."""
    ends = accumulate((len(clause) + len("; ") for clause in clauses), initial=len(before))
    return max(1, sum(end - len("; ") <= COLUMNS for end in islice(ends, 1, None)))
