"""A crossover in words: the one place that composes what a user reads of it.

Every size has its noun, every ratio its subject, and a backend is called faster only where the
judge has decided that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, exp, floor, hypot, inf, log
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from perceptron.answer import Decided, Verdict
from perceptron.numbers import digits, rough_percent, times_as_long
from perceptron.questions.crossover.comparable import described
from perceptron.questions.crossover.judge import Crossover, SizeRatio
from perceptron.questions.shared.training import training_words
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, by_key
from perceptron.statistics.interval import TIE
from perceptron.statistics.over_processes import name_and_processes, threads_in_all
from perceptron.statistics.rough import NOT_DECIDED
from perceptron.statistics.select import State, by_family_and_ground
from perceptron.statistics.sizes import every, listed, located, number, size_axis, sized

SEQUENTIAL = "-sequential"
"""Ends the name of a backend that trains models one after the other."""
# The backend that trains models in a pool of processes.
_POOL = "processes"
# Pairs that are named before a reason that names no backend.
_PAIRS = 3
# Lines below a verdict.
_NOTES = 2
# Of a log-ratio: closer to 0, two times are shown as equal.
_NOTHING = 0.005
# Into so many a line is divided to see where two functions differ by less than a tie.
_STEPS = 2001
# The measured sizes around a crossover are so close that a line between them tells where that is.
_CLOSE = 1.5
_EVERYWHERE = {"never": "incumbent", "always": "challenger"}
_OTHER = {"incumbent": "challenger", "challenger": "incumbent"}


def verdicts(
    crossovers: Iterable[Crossover], rows: Iterable[Measurement] = ()
) -> tuple[Verdict, ...]:
    """Return a verdict for each pair that was measured, with the contention of its ``rows``."""
    crossovers = [one for one in crossovers if is_measured(one)]
    known = {
        (*line, backend): contention
        for line, own in by_family_and_ground(list(rows)).items()
        for backend, contention in by_key(own, attrgetter("backend")).items()
    }

    def contention(found: Crossover) -> Contention:
        nothing, where = Contention(), (found.family, ground(found))
        return known.get((*where, found.incumbent), nothing) + known.get(
            (*where, found.challenger), nothing
        )

    pairs = Counter((one.family, ground(one)) for one in crossovers)
    return tuple(
        verdict(one, contention(one), pairs[one.family, ground(one)] > 1) for one in crossovers
    )


def verdict(
    found: Crossover, contention: Contention | None = None, is_of_several: bool = False
) -> Verdict:
    """Return what is known of a pair, and how contended its rows were.

    Of several pairs each sentence names its own.
    """
    said = sentence(found)
    if is_of_several:
        said = _of_pair(found, said)
    return Verdict(
        subject=found.family,
        decided=decided(found),
        sentence=said,
        notes=notes(found),
        heading=setting(found),
        contended=rough_percent(contention.share) if contention and contention.is_any else "",
    )


def _of_pair(found: Crossover, said: str) -> str:
    """Return a sentence that names both of its pair, as there are others."""
    prefix, sides = _sides(found)
    words = said.replace(",", " ").split()
    if prefix or all(side.short in words for side in sides.values()):
        return said
    for one, other in _OTHER.items():
        faster = f"{sides[one].does('is')} faster"
        if said.startswith(f"{faster} "):
            return said.replace(faster, f"{faster} than {sides[other].name}", 1)
    return f"{sides['incumbent'].name} and {sides['challenger'].name}: {said}"


def decided(found: Crossover) -> Decided:
    """Return whether the winner is known at every size, at some of them, or at none."""
    if found.is_decided:
        return "yes"
    return "partly" if found.decided and found.status != "suspect" else "no"


def is_measured(found: Crossover) -> bool:
    """Return whether a size was measured on both, whatever that says."""
    return found.status != "not measured"


def axis_of(found: Crossover) -> str:
    """Return what its sizes count, in a word."""
    return size_axis(found.family, found.axis)


class _Side(NamedTuple):
    """A side of a pair as sentences name it; ``short`` after the other one."""

    name: str
    short: str
    is_several: bool = False

    def does(self, verb: str) -> str:
        """Return the verb as this subject has it."""
        if verb == "is":
            return f"{self.name} {'are' if self.is_several else 'is'}"
        return f"{self.name} {verb}{'' if self.is_several else 's'}"


_Sides = dict[str, _Side]
"""The ``incumbent`` and the ``challenger``."""


def _sides(found: Crossover) -> tuple[str, _Sides]:
    """Return what both have in common, as ``torch-cpu: ``, and how a sentence names each.

    By processes, by ways to train models, or by backends. What another tool calls its backends is
    no number of processes.
    """
    prefix, one, other = "", found.incumbent, found.challenger
    (name, processes), (same, others) = map(name_and_processes, (one, other))
    bare = one.removesuffix(SEQUENTIAL)
    if not _is_ours(found):
        both = _Side(one, one), _Side(other, other)
    elif name == same and processes != others:
        prefix = f"{name}: "
        both = _of_processes(processes), _of_processes(others)
    elif one != other and bare == other.removesuffix(SEQUENTIAL):
        prefix = f"{bare}: "
        ways = ["sequential" if of.endswith(SEQUENTIAL) else "batched" for of in (one, other)]
        both = _Side(ways[0], ways[0]), _Side(ways[1], ways[1])
    elif processes > 1 or others > 1:
        both = _of_processes(processes, name), _of_processes(others, same)
    else:
        both = _Side(one, one, one == _POOL), _Side(other, other, other == _POOL)
    return prefix, {"incumbent": both[0], "challenger": both[1]}


def _of_processes(processes: int, backend: str = "") -> _Side:
    several = processes > 1
    name = f"{processes} process{'es' if several else ''}"
    if backend:
        name = f"{name} ({backend})"
    return _Side(name, name if backend else str(processes), several)


def sentence(found: Crossover) -> str:
    """Name the faster backend at each size, as far as that is decided."""
    if found.status == "not measured":
        return f"not measured: {found.reason or 'no times'}"
    if found.status == "suspect":
        return f"no answer: {(found.reason or '').partition('; ')[0]}"
    prefix, sides = _sides(found)
    return prefix + _said(found, sides, axis_of(found))


def _said(found: Crossover, sides: _Sides, axis: str) -> str:
    if has_crossing(found):
        return _overtakes(found, sides, axis)
    if winner := _only_winner(found):
        return f"{sides[winner].does('is')} faster {_where(found, axis)}"
    if has_turns(found):
        first, *later_ones = found.crossings
        start = f"{sides[first.direction].does('lead')} from {sized(digits(first.size), axis)}"
        turns = (f"{sides[one.direction].short} from {digits(one.size)}" for one in later_ones)
        return ", ".join([start, *turns])
    incumbent, challenger = sides.values()
    first_size, last_size = found.sizes_measured[0], found.sizes_measured[-1]
    if found.status == "tie":
        ends = listed([(first_size, last_size)], axis)
        if found.is_decided:
            return f"{incumbent.short} and {challenger.name} tie: within 5%, {ends}"
        return f"undecided, {incumbent.short} and {challenger.name} within 5% at {ends}"
    if len(found.sizes_measured) == 1:
        return f"undecided at {sized(number(first_size), axis)}, the only size"
    if found.decided:
        return _leads(found, sides, axis)
    if rough := _rough(found):
        return rough
    return f"undecided {every(first_size, last_size, axis).replace(' measured', '')}"


def _rough(found: Crossover) -> str | None:
    """Return what the smallest samples say, and that it decides nothing; None if it is not that."""
    rough, _, _ = (found.reason or "").partition("; ")
    return rough if found.status == "undecided" and NOT_DECIDED in rough else None


def _leads(found: Crossover, sides: _Sides, axis: str) -> str:
    """Return which is faster in each range in which that is decided."""
    ratios = {at.size: at.ratio for at in found.ratio_at}
    ranges: dict[str, list[tuple[float, float]]] = {}
    for low, high in found.decided:
        winner = "incumbent" if ratios.get(low, 1.0) > 1 else "challenger"
        ranges.setdefault(winner, []).append((low, high))
    return f"{_each_leads(ranges, sides, axis)}; undecided elsewhere"


def _each_leads(ranges: Mapping[str, list[tuple[float, float]]], sides: _Sides, axis: str) -> str:
    return ", ".join(
        f"{sides[one].does('lead')} at {listed(own, axis)}" for one, own in ranges.items()
    )


def _leaning(found: Crossover, sides: _Sides, axis: str) -> str | None:
    """Return which side single values put ahead, each in an interval of its own or without any."""
    ranges: dict[str, list[tuple[float, float]]] = {}
    before = None
    for at in found.ratio_at:
        low, high = at.low or at.ratio, at.high or at.ratio
        ahead = "incumbent" if low > 1 else "challenger" if high < 1 else None
        if ahead is not None and ahead == before:
            ranges[ahead][-1] = (ranges[ahead][-1][0], at.size)
        elif ahead is not None:
            ranges.setdefault(ahead, []).append((at.size, at.size))
        before = ahead
    return _each_leads(ranges, sides, axis) or None


def has_crossing(found: Crossover) -> bool:
    """Return whether there is one change of winner, with a winner known on both sides of it."""
    return len(found.crossings) == 1 and has_turns(found)


def has_turns(found: Crossover) -> bool:
    """Return whether a winner is known before, between and after all changes of winner."""
    ends = [0.0, *(one.size for one in found.crossings), inf]
    return len(ends) > 2 and all(
        any(start <= low and high <= end for low, high in found.decided)
        for start, end in pairwise(ends)
    )


def _only_winner(found: Crossover) -> str | None:
    """Return the side that is faster wherever a winner is known; None if each is somewhere."""
    if found.status in _EVERYWHERE:
        return _EVERYWHERE[found.status]
    if len(found.crossings) != 1 or not found.decided or has_turns(found):
        return None
    (turn,) = found.crossings
    is_above = found.decided[0][0] >= turn.size
    return turn.direction if is_above else _OTHER[turn.direction]


def _overtakes(found: Crossover, sides: _Sides, axis: str) -> str:
    (turn,) = found.crossings
    winner, loser = sides[turn.direction], sides[_OTHER[turn.direction]]
    at = located(turn.size, found.low, found.high, axis, is_whole=_is_of_functions(found))
    return f"{winner.does('overtake')} {loser.short} at {at}"


def _where(found: Crossover, axis: str) -> str:
    """Return the sizes in which the winner is decided, and what is known of the others."""
    ends = found.sizes_measured[0], found.sizes_measured[-1]
    others = "at worst a tie" if found.is_decided else "undecided"
    if found.decided == [ends]:
        return every(*ends, axis)
    if len(found.decided) == 1:
        low, high = found.decided[0]
        if low == ends[0]:
            return f"up to {sized(number(high), axis)}; {others} above"
        if high == ends[1]:
            return f"from {sized(number(low), axis)}; {others} below"
    return f"at {listed(found.decided, axis)}; {others} elsewhere"


# --- the lines below -----------------------------------------------------------------------------


def notes(found: Crossover) -> tuple[str, ...]:
    """Return what stands behind a verdict, two lines at most: doubts first."""
    if found.status == "suspect":
        why = (found.reason or "").partition("; ")[2]
        return (f"why: {why}",) if why else ()
    if not is_measured(found):
        return ()
    is_said = "; undecided " in sentence(found) or not (found.decided or found.crossings)
    lines = [*_closest(found), *_nearly_equal(found)]
    if found.status == "undecided" and len(found.ratio_at) > 1 and not found.decided:
        leaning = _leaning(found, _sides(found)[1], axis_of(found))
        lines += [f"leaning: {leaning}"] if leaning and _is_of_single_values(found) else []
    if found.undecided and not is_said and len(found.sizes_measured) > 1:
        lines.append(f"undecided: {listed(found.undecided, axis_of(found))}")
    reason, what = found.reason, "why"
    if reason and _rough(found) == sentence(found):
        reason = reason.partition("; ")[2]
    elif reason and NOT_DECIDED in reason:
        what = "rough"
    lines += [f"{what}: {reason}"] if reason else []
    return tuple(lines[:_NOTES])


def _closest(found: Crossover) -> Iterator[str]:
    """Yield the size at which the loser comes closest, or where it is ahead by the estimate."""
    (_, sides), winner = _sides(found), _only_winner(found)
    if winner is None:
        return
    if found.crossings:
        yield f"leaning: {_overtakes(found, sides, axis_of(found))}"
        return
    if not found.ratio_at:
        return
    loser = sides[_OTHER[winner]]
    known = [at if winner == "incumbent" else _turned(at) for at in found.ratio_at]
    ahead = [at for at in known if _may_lead(at)]
    at = min(ahead or known, key=lambda one: one.ratio)
    words = f"{loser.does('take')} {times_as_long(at.ratio, at.low, at.high)}"
    where = sized(number(at.size), axis_of(found))
    if ahead:
        yield f"leaning: {words} at {where}"
    elif len(known) > 1 or found.is_decided:
        yield f"closest: {words} at {where}{', gap narrowing' if _narrows(known, at) else ''}"


def _nearly_equal(found: Crossover) -> Iterator[str]:
    """Yield the whole sizes at which it makes no difference which of two functions is called."""
    low, high = found.bracket or (0.0, inf)
    if not (_is_of_functions(found) and has_crossing(found)) or high > _CLOSE * low:
        return
    xs = [log(at.size) for at in found.ratio_at]
    ys = [log(at.ratio) for at in found.ratio_at]
    fine = np.linspace(xs[0], xs[-1], _STEPS)
    differs = np.flatnonzero(abs(np.interp(fine, xs, ys)) > TIE)
    at = log(found.crossings[0].size)
    below = max((fine[index] for index in differs if fine[index] < at), default=xs[0])
    above = min((fine[index] for index in differs if fine[index] > at), default=xs[-1])
    first, last = ceil(exp(below)), floor(exp(above))
    if first <= last:
        yield f"equal within 5%: {listed([(first, last)], axis_of(found))}"


def _is_of_functions(found: Crossover) -> bool:
    """Return whether functions of a user were called: they compute in whatever their data have."""
    return found.source == "perceptron" and found.dtype is None


def _turned(at: SizeRatio) -> SizeRatio:
    """Return the incumbent's time over the challenger's."""
    low, high = (None if not end else 1 / end for end in (at.high, at.low))
    return SizeRatio(at.size, 1 / at.ratio, low, high, at.repeats)


def _may_lead(at: SizeRatio) -> bool:
    """Return whether it is ahead by the estimate, and maybe by more than a tie."""
    furthest = at.ratio if at.low is None and at.high is None else (at.low or 0.0)
    return log(at.ratio) < -_NOTHING and furthest < exp(-TIE)


def _narrows(known: Sequence[SizeRatio], at: SizeRatio) -> bool:
    """Return whether the loser still gains at the end of the sizes, by more than the noise."""
    index = known.index(at)
    if len(known) < 2 or index not in (0, len(known) - 1) or at.ratio <= 1:
        return False
    before = known[1 if index == 0 else -2]
    moved = abs(log(before.ratio)) - abs(log(at.ratio))
    noise = hypot(*map(_half_width, (at, before)))
    return moved > (noise if noise < inf else 1e-9)  # what rounding does


def _half_width(at: SizeRatio) -> float:
    return log(at.high / at.low) / 2 if at.low and at.high else inf


# --- where it was measured -----------------------------------------------------------------------


def setting(found: Crossover) -> str:
    """Return where and how a pair was measured, as far as that is known.

    Of what another tool measured also the state.
    """
    state = State(found.source, found.commit, found.environment, found.version, found.code)
    words = (
        None if found.machine == "unknown" else found.machine,
        None if found.threads is None else threads_in_all(found.threads, ()),
        found.dtype,
        training_words(found),
        described(state) if any(state[1:]) and not _is_ours(found) else None,
        f"{len(found.files)} runs of one level" if _is_of_several_runs(found) else None,
    )
    intervals = any(at.low is not None or at.high is not None for at in found.ratio_at)
    kind = "95% intervals" if intervals or not found.ratio_at else "no intervals"
    return "; ".join(filter(None, (", ".join(filter(None, words)), kind)))


def _is_of_several_runs(found: Crossover) -> bool:
    return found.source == "asv" and len(found.files) > 1  # it keeps one for each commit


def _is_of_single_values(found: Crossover) -> bool:
    return not _is_ours(found) and all(at.repeats == 1 for at in found.ratio_at)


def _is_ours(found: Crossover) -> bool:
    return found.source in (None, "perceptron")


# --- what was not measured -----------------------------------------------------------------------


def missing(crossovers: Iterable[Crossover]) -> list[str]:
    """Return why there is no size that was measured on both of a pair, each reason once.

    A reason that names no backend is told with its pairs. It names the families it holds in, unless
    it holds in all of them.
    """
    crossovers = list(crossovers)
    where: dict[str, list[Crossover]] = {}
    for crossover in crossovers:
        if not is_measured(crossover):
            for reason in filter(None, (crossover.reason or "").split("; ")):
                where.setdefault(reason, []).append(crossover)
    every_family = len({crossover.family for crossover in crossovers})
    return [
        f"{_pairs(reason, absent)}{reason}{_families(absent, every_family)}"
        for reason, absent in where.items()
    ]


def _pairs(reason: str, absent: Iterable[Crossover]) -> str:
    """Return the pairs that a reason is about, before it; empty if it names a backend itself."""
    pairs = dict.fromkeys((one.incumbent, one.challenger) for one in absent)
    if any(name in reason for pair in pairs for name in pair):
        return ""
    named_pairs = [f"{incumbent} and {challenger}" for incumbent, challenger in pairs]
    more = len(named_pairs) - _PAIRS
    shown = ", ".join(named_pairs[:_PAIRS])
    return f"{shown} and {more:,} more: " if more > 0 else f"{shown}: "


def _families(absent: Iterable[Crossover], every_family: int) -> str:
    names = list(dict.fromkeys(one.family for one in absent))
    return "" if len(names) == every_family else f" (in {', '.join(names)})"
