"""A problem of one size: repeats side by side until it is decided who is the fastest, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, islice

from perceptron.answer import Verdict
from perceptron.numbers import enumerated, times_as_long
from perceptron.records.measurement import Measurement
from perceptron.statistics.over_processes import name_and_processes, named
from perceptron.statistics.ranking import Doubt, Ranking, may_have_time, rank_rows
from perceptron.statistics.rough import what_helps
from perceptron.statistics.select import has_time

# Of a verdict's line, with its subject.
_COLUMNS = 100
# Doubts that more repeats may end.
_MORE_MAY_TELL: set[Doubt] = {"too noisy", "contended"}


def ranking_of(rows: Sequence[Measurement], backends: Iterable[str]) -> Ranking:
    """Rank the backends by their rows of one problem and one number of threads.

    See `may_have_time` for those without one.
    """
    backends = list(backends)
    timed = [row for row in rows if row.backend in backends and has_time(row)]
    return rank_rows(timed, may_have_time(rows, backends))


def repeats_wanted(
    rows: Sequence[Measurement], found: Ranking, first: int, enough: int, most: int
) -> int:
    """Return in how many repeats to time each backend: see `locator.Search`.

    As many as a number is read off, and more while these may decide.
    """
    taken = len({row.repeat for row in rows if row.backend in found.order})
    if taken < enough:
        return first if taken < first else enough
    return min(most, 2 * taken) if _MORE_MAY_TELL.intersection(found.doubts.values()) else taken


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

    def takes(name: str, other: str = "") -> str:
        ratio = found.ratios[name]
        assert ratio is not None, "it was measured side by side with the fastest"
        several = name_and_processes(name)[1] > 1
        beside = named(other) if other else ""
        long = times_as_long(ratio.estimate, ratio.low, ratio.high, beside)
        return f"{named(name)} {'take' if several else 'takes'} {long}{part(name)}"

    def of_each(names: Sequence[str]) -> list[str]:
        return [takes(name, "" if index else best) for index, name in enumerate(names)]

    clauses = of_each(found.slower)
    if found.ties:
        every = enumerated(map(named, (best, *found.ties)))
        clauses.insert(0, f"{every} tie: within 5%, {takes(found.ties[-1])}")
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
    else:
        sentence = f"undecided: only {named(best)} has a time"
        if len(found.order) > 1:
            every = enumerated(map(named, found.order))
            sentence = f"undecided: no repeat timed {every} side by side"
    return Verdict(
        subject=subject,
        decided=found.decided,
        sentence=sentence,
        notes=(*_why(found, threads, more_time), *([f"and {'; '.join(more)}"] if more else ())),
        heading=heading,
    )


def _that_fit(clauses: Sequence[str], before: str) -> int:
    """Return how many clauses a line has room for after what stands ``before``; one at least."""
    ends = accumulate((len(clause) + len("; ") for clause in clauses), initial=len(before))
    return max(1, sum(end - len("; ") <= _COLUMNS for end in islice(ends, 1, None)))


def _why(found: Ranking, threads: int | None, more_time: str) -> tuple[str, ...]:
    """Return what leaves some open, and the option that would tell."""
    if len(found.order) == 1 and not found.open:
        return ("why: nothing to compare it with; next: --backends with another one",)
    best = named(found.order[0])
    why: dict[Doubt, tuple[str, str]] = {
        "contended": (f"threads of {{}} or {best} waited for a core", what_helps(threads)),
        "too noisy": (f"the repeats cannot separate {{}} from {best}", more_time),
        "one repeat": (f"one repeat of {{}} beside {best} decides nothing", more_time),
        "not side by side": (f"no repeat timed {{}} beside {best}", more_time),
        "not measured": ("no time was left for {}", more_time),
    }
    for doubt, (words, option) in why.items():
        if names := [named(name) for name, own in found.doubts.items() if own == doubt]:
            return (f"why: {words.format(enumerated(names))}; next: {option}",)
    return ()
