"""A ranking in words, alike for every question that ranks.

It says what is known of each candidate; whether that is decided is the ranking's own to say.
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
"""The room of a verdict's line."""
_DOUBTS: dict[Doubt, str] = {
    "not side by side": "{both} were not measured side by side",
    "one repeat": "{both} were compared in one repeat",
    "contended": f"{TOO_BUSY} {{both}}",
    "too noisy": "the repeats cannot separate {both}",
    "runs disagree": "runs of {both} disagree",
}


def takes(name: str, ratio: Interval, beside: str = "", called: Called = named) -> str:
    """Return how many times as long as the fastest a candidate takes; ``beside`` names that one."""
    several = name_and_processes(name)[1] > 1
    other = called(beside) if beside else ""
    as_long = times_as_long(ratio.estimate, ratio.low, ratio.high, other)
    return f"{called(name)} {'take' if several else 'takes'} {as_long}"


def tie(names: Iterable[str]) -> str:
    """Return that these take equally long."""
    return f"{enumerated(map(named, names))} tie: within 5%"


def undecided_between(found: Ranking) -> str:
    """Return which candidates with a time may be the fastest; empty if only one may."""
    open_ones = [name for name in found.order[1:] if name in found.open]
    every = (*found.order[:1], *found.ties, *open_ones)
    return f"undecided between {enumerated(map(named, every))}" if open_ones else ""


def reasons(fastest: str, doubts: Mapping[str, Doubt]) -> list[str]:
    """Return why candidates may be as fast as the fastest, by the doubt that each of them has."""
    found = []
    for doubt in dict.fromkeys(doubts.values()):
        names = [named(name) for name, other in doubts.items() if other == doubt]
        if doubt == "not measured":
            found.append(f"{enumerated(names)} {'was' if len(names) == 1 else 'were'} {doubt}")
        else:
            found.append(_DOUBTS[doubt].format(both=enumerated([named(fastest), *names])))
    return found


def alone(found: Ranking, time: str = "", called: Called = named) -> str:
    """Return the sentence where a candidate is alone: its time in words, and why others have none.

    >>> alone(Ranking(order=("numpy",), ratios={}, ties=(), open=(), doubts={}, unable=("numba",)))
    'only numpy has a time; numba has none here: nothing to compare with'
    """
    why = "no other backend was asked for"
    if found.unable:
        have = "has" if len(found.unable) == 1 else "have"
        why = f"{enumerated(map(called, found.unable))} {have} none here"
    time = f": {time}" if time else ""
    return f"only {called(found.order[0])} has a time{time}; {why}: nothing to compare with"


def next_of(doubts: Iterable[Doubt], threads: int | None, more_time: str) -> str:
    """Return the option that would tell more; ``more_time`` is that which allows more of it."""
    doubts = set(doubts)
    if not doubts:
        return f"{option('backends')} with another one"
    if "runs disagree" in doubts:
        return AGAIN
    return what_helps(threads) if "contended" in doubts else more_time


def ranking_verdict(
    subject: str,
    found: Ranking,
    heading: str,
    threads: int | None,
    more_time: str,
    part: Callable[[str], str] = lambda backend: "",
) -> Verdict | None:
    """Return who is the fastest, who ties with it and how long others take; None without a time.

    ``more_time`` is the option that allows more, and ``part`` returns which part of a training
    the time of a backend is, where it is not all of it.
    """
    best = found.fastest
    if best is None:
        return None

    def take(name: str, beside: str = "") -> str:
        ratio = found.ratios[name]
        assert ratio is not None, "it was measured side by side with the fastest"
        return takes(name, ratio, beside) + part(name)

    def of_each(names: Sequence[str]) -> list[str]:
        return [take(name, "" if index else best) for index, name in enumerate(names)]

    clauses = of_each(found.slower)
    if found.ties:
        clauses.insert(0, f"{tie((best, *found.ties))}, {take(found.ties[-1])}")
    more: list[str] = []
    if clauses:
        unsure = [f"undecided: {named(name)}, {found.doubts[name]}" for name in found.open]
        fit = _that_fit([*clauses, *unsure], f"{subject}  {found.decided}  ")
        sentence = "; ".join([*clauses, *unsure][:fit])
        # Doubts of one kind have a line with what would help.
        named_below = len(set(found.doubts.values())) == 1
        more = (clauses if named_below else [*clauses, *unsure])[fit:]
    elif beside := [name for name in found.order[1:] if found.ratios[name] is not None]:
        doubt = found.doubts[beside[0]]
        sentence = f"undecided, {doubt}: by the estimate {'; '.join(of_each(beside))}"
    elif len(found.order) > 1:
        every = enumerated(map(named, found.order))
        sentence = f"undecided: no repeat timed {every} side by side"
    elif found.open:
        sentence = f"undecided: only {named(best)} has a time"
    else:
        sentence = alone(found)
    notes: tuple[str, ...] = ()
    if found.decided != "yes":
        why = "".join(f"why: {one}; " for one in reasons(best, found.doubts)[:1])
        first = list(found.doubts.values())[:1]
        notes = (f"{why}next: {next_of(first, threads, more_time)}",)
    if more:
        notes += (f"and {'; '.join(more)}",)
    return Verdict(
        subject=subject, decided=found.decided, sentence=sentence, notes=notes, heading=heading
    )


def _that_fit(clauses: Sequence[str], before: str) -> int:
    """Return how many clauses a line has room for after what stands ``before``; one at least."""
    ends = accumulate((len(clause) + len("; ") for clause in clauses), initial=len(before))
    return max(1, sum(end - len("; ") <= COLUMNS for end in islice(ends, 1, None)))
