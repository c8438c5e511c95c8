"""A crossover in words: the one place that composes what a user reads of it.

Every size has its noun, every ratio its subject, and a backend is called faster only where the
judge has decided that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby, pairwise
from math import ceil, exp, expm1, floor, hypot, inf, log
from operator import attrgetter

import numpy as np

from perceptron.answer import Verdict
from perceptron.numbers import digits, enumerated, rough_percent, times_as_long
from perceptron.questions.crossover.comparable import described
from perceptron.questions.crossover.judge import LIKELY, Crossover, SessionCrossover, SizeRatio
from perceptron.questions.crossover.points import Known
from perceptron.questions.shared.ranking_sentence import COLUMNS
from perceptron.questions.shared.training import training_words
from perceptron.records.comparison_key import comparison_key
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, by_key
from perceptron.statistics.interval import TIE, Interval, inverse
from perceptron.statistics.over_processes import Side, is_ours, sides_of, threads_in_all
from perceptron.statistics.rough import NOT_DECIDED
from perceptron.statistics.select import State, by_family_and_ground
from perceptron.statistics.sessions import AGAIN, INTERVALS, Start, intervals_of
from perceptron.statistics.sizes import (
    Stretch,
    every,
    listed,
    located,
    number,
    size_axis,
    sized,
)

# Pairs that are named before a reason that names no backend.
_PAIRS = 3
# Lines below a verdict.
_NOTES = 2
# That a line names, the newest.
_RUNS = 3
# Sizes around gaps that a line names.
_ENDS = 4
# Of a log-ratio: closer to 0, two times are shown as equal.
_NOTHING = 0.005
# A line is divided into this many parts to see where two functions differ by less than a tie.
_STEPS = 2001
# The measured sizes around a crossover are so close that a line between them tells where that is.
_CLOSE = 1.5
_EVERYWHERE: dict[str, Known] = {"never": "incumbent", "always": "challenger"}
_OTHER: dict[Known, Known] = {"incumbent": "challenger", "challenger": "incumbent"}
_LIKELY = "probably a tie"
_CLOSEST = "closest"
DISAGREE = "runs disagree"
SUSPECT = "suspect: the timer may have stopped before the device had finished"


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
        nothing, where = Contention(), (found.family, comparison_key(found))
        return known.get((*where, found.incumbent), nothing) + known.get(
            (*where, found.challenger), nothing
        )

    pairs = Counter((one.family, comparison_key(one)) for one in crossovers)
    return tuple(
        verdict(one, contention(one), is_of_several=pairs[one.family, comparison_key(one)] > 1)
        for one in crossovers
    )


def verdict(
    found: Crossover, contention: Contention | None = None, *, is_of_several: bool = False
) -> Verdict:
    """Return the verdict on a pair, and how contended its rows were.

    Where it is one of several pairs, its sentence names both.
    """
    return Verdict(
        subject=found.family,
        decided=found.decided,
        sentence=sentence(found, is_of_several=is_of_several),
        notes=notes(found, is_of_several=is_of_several),
        heading=setting(found),
        contended=rough_percent(contention.share) if contention and contention.is_any else "",
    )


def is_measured(found: Crossover) -> bool:
    """Return whether a size was measured on both, whatever that says."""
    return found.status != "not measured"


def axis_of(found: Crossover) -> str:
    """Return the name of the axis: what its sizes count."""
    return size_axis(found.family, found.axis)


Sides = dict[Known, Side]
"""The ``incumbent`` and the ``challenger`` of a pair."""


def _sides(found: Crossover) -> tuple[str, Sides]:
    """Return the common prefix, as ``torch-cpu: ``, and the name of each in a sentence."""
    prefix, (one, other) = sides_of(found.incumbent, found.challenger, found.source)
    return prefix, {"incumbent": one, "challenger": other}


def sentence(found: Crossover, *, is_of_several: bool = False) -> str:
    """Name the faster backend at each size, as far as that is decided.

    Of one of several pairs it names both. Gaps that were not searched are named if they fit.
    """
    if found.status == "not measured":
        return f"not measured: {found.reason or 'no times'}"
    if found.status == "suspect":
        return SUSPECT
    said = partial(_said, found, *_sides(found), axis_of(found), is_of_several=is_of_several)
    whole = said(gaps=_gaps(found))
    return whole if len(whole) <= COLUMNS else said(gaps=None)


def _said(
    found: Crossover,
    prefix: str,
    sides: Sides,
    axis: str,
    *,
    is_of_several: bool,
    gaps: str | None,
) -> str:
    one, other = sides["incumbent"], sides["challenger"]
    both = f"{one.short} and {other.name}"
    # What names one of them at most is about both.
    named = f"{prefix}{both}: " if is_of_several else prefix
    if has_crossing(found):
        return prefix + (_between_runs(found, sides, axis) or _overtakes(found, sides, axis))
    if winner := _only_winner(found):
        rival = f" than {sides[_OTHER[winner]].name}" if is_of_several else ""
        return f"{prefix}{sides[winner].does('is')} faster{rival} {_where(found, axis, gaps)}"
    if has_turns(found):
        first, *later = found.crossings
        start = f"{sides[first.direction].does('lead')} from {sized(digits(first.size), axis)}"
        turns = (f"{sides[change.direction].short} from {digits(change.size)}" for change in later)
        number_of = {2: "two", 3: "three"}.get(len(found.crossings), str(len(found.crossings)))
        return f"{prefix}{number_of} crossovers: {', '.join([start, *turns])}"
    first_size, last_size = found.sizes_measured[0], found.sizes_measured[-1]
    if found.status == "tie":
        ends = listed([(first_size, last_size)], axis)
        if found.decided == "yes":
            return f"{prefix}{both} tie: within 5%, {ends}"
        if numbers := _likely(found.ratio_at):
            # Two names leave less room.
            numbers = numbers.removeprefix("estimates ") if is_of_several else numbers
            return f"{named}{_LIKELY}: {numbers}, {ends}"
        return f"{prefix}undecided, {both} within 5% at {ends}"
    if len(found.sizes_measured) == 1:
        return f"{named}undecided at {sized(number(first_size), axis)}, the only size"
    if found.decided_ranges:
        ranges = _known(found)
        leads = f"{_each_leads(ranges, sides, axis)}; {gaps or 'undecided elsewhere'}"
        return (prefix if ranges.keys() >= sides.keys() else named) + leads
    if rough := _rough(found):
        return (prefix if both in rough else named) + rough
    return f"{named}undecided {every(first_size, last_size, axis).replace(' measured', '')}"


def _rough(found: Crossover) -> str | None:
    """Return the reason of a pair that its smallest samples leave undecided; None for others."""
    rough, _, _ = (found.reason or "").partition("; ")
    return rough if found.status == "undecided" and NOT_DECIDED in rough else None


def _known(found: Crossover) -> dict[Known, list[Stretch]]:
    """Return the decided ranges of each winner, and those of a tie."""
    at_size = {at.size: at for at in found.ratio_at}
    ranges: dict[Known, list[Stretch]] = {}
    for low, high in found.decided_ranges:
        at = at_size[low]
        one: Known = "incumbent" if at.ratio > 1 else "challenger"
        if at.standing == "tie":
            one = "tie"
        ranges.setdefault(one, []).append((low, high))
    return ranges


def _won(found: Crossover) -> list[Stretch]:
    """Return the decided ranges that have a winner."""
    ranges = _known(found)
    return sorted([*ranges.get("incumbent", []), *ranges.get("challenger", [])])


def _each_leads(ranges: Mapping[Known, list[Stretch]], sides: Sides, axis: str) -> str:
    return ", ".join(
        f"{'a tie' if one == 'tie' else sides[one].does('lead')} at {listed(own, axis)}"
        for one, own in ranges.items()
    )


def _leaning(found: Crossover, sides: Sides, axis: str) -> str | None:
    """Return which side single values put ahead, each in an interval of its own or without any."""
    ranges: dict[Known, list[Stretch]] = {}
    before = None
    for at in found.ratio_at:
        low, high = at.low or at.ratio, at.high or at.ratio
        ahead: Known | None = "incumbent" if low > 1 else "challenger" if high < 1 else None
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
    won = _won(found)
    return len(ends) > 2 and all(
        any(start <= low and high <= end for low, high in won) for start, end in pairwise(ends)
    )


def _only_winner(found: Crossover) -> Known | None:
    """Return the side that is faster wherever a winner is known; None if each is somewhere."""
    if found.status in _EVERYWHERE:
        return _EVERYWHERE[found.status]
    won = _won(found)
    if len(found.crossings) != 1 or not won or has_turns(found):
        return None
    (turn,) = found.crossings
    return turn.direction if won[0][0] >= turn.size else _OTHER[turn.direction]


def _overtakes(found: Crossover, sides: Sides, axis: str) -> str:
    (turn,) = found.crossings
    winner, loser = sides[turn.direction], sides[_OTHER[turn.direction]]
    at = located(turn.size, found.low, found.high, axis, is_whole=_is_of_functions(found))
    return f"{winner.does('overtake')} {loser.short} at {at}"


def _between_runs(found: Crossover, sides: Sides, axis: str) -> str | None:
    """Return between which sizes the winner changes, where runs disagree on that; else None."""
    (turn,) = found.crossings
    low, high = found.low, found.high
    if low is None or high is None:
        return None
    if not any(first <= high and last >= low for first, last in found.disagreed_ranges or ()):
        return None
    winner, loser = sides[turn.direction], sides[_OTHER[turn.direction]]
    ends = sized(f"{digits(low)} and {digits(high)}", axis)
    return f"{winner.does('overtake')} {loser.short} between {ends}: {DISAGREE}"


def _where(found: Crossover, axis: str, gaps: str | None) -> str:
    """Return the sizes in which the winner is decided, and what is known of the others."""
    first, last = found.sizes_measured[0], found.sizes_measured[-1]
    won = _won(found)
    if won == [(first, last)]:
        return every(first, last, axis)
    others = _others(found)
    if len(won) == 1:
        low, high = won[0]
        if low == first:
            return f"up to {sized(number(high), axis)}; {others} above"
        if high == last:
            return f"from {sized(number(low), axis)}; {others} below"
    return f"at {listed(won, axis)}; {gaps or f'{others} elsewhere'}"


def _gaps(found: Crossover) -> str | None:
    """Return between which sizes was not searched; None if more than that is undecided."""
    gaps = found.undecided_ranges
    ranges = found.decided_ranges
    is_decided = all(any(low <= at <= high for low, high in ranges) for at in found.sizes_measured)
    if not gaps or not is_decided or "tie" in _known(found):
        return None
    return f"not searched between {_between(found, gaps, axis_of(found))}"


def _others(found: Crossover) -> str:
    """Return the clause on the sizes without a winner."""
    rest = _without_winner(found)
    if rest and all(at.standing == "tie" for at in rest):
        return "a tie"
    if _likely(rest):
        return _LIKELY
    return "at worst a tie" if found.decided == "yes" else "undecided"


def _without_winner(found: Crossover) -> list[SizeRatio]:
    won = _won(found)
    return [at for at in found.ratio_at if not any(low <= at.size <= high for low, high in won)]


def _stretches(found: Crossover, ratios: Sequence[SizeRatio]) -> list[Stretch]:
    """Return the stretches of neighbouring sizes among these."""
    sizes = {at.size for at in ratios}
    runs = groupby(found.sizes_measured, key=sizes.__contains__)
    stretches = [list(run) for is_among, run in runs if is_among]
    return [(run[0], run[-1]) for run in stretches]


def _likely(ratios: Sequence[SizeRatio]) -> str | None:
    """Return how near to a tie these probably are; None if one may well be none."""
    if not ratios or any(abs(log(at.ratio)) > TIE for at in ratios):
        return None
    estimate = max(abs(log(at.ratio)) for at in ratios)
    furthest = max(abs(log(end or inf)) for at in ratios for end in (at.low, at.high))
    if furthest > LIKELY:
        return None
    within = max(1, ceil(100 * expm1(estimate) - _NOTHING))
    return f"estimates within {within}%, intervals up to {digits(100 * expm1(furthest), 2)}%"


# --- the lines below -----------------------------------------------------------------------------


def notes(found: Crossover, *, is_of_several: bool = False) -> tuple[str, ...]:
    """Return the notes on a verdict, two lines at most: doubts first.

    A terminal shows the first alone.
    """
    if found.status == "suspect":
        return (f"why: {found.reason}",) if found.reason else ()
    if not is_measured(found):
        return ()
    axis, said = axis_of(found), sentence(found, is_of_several=is_of_several)
    lines = [*_closest(found), *_nearly_equal(found)]
    if disagree := _disagree(found):
        lines.insert(0, disagree)
    # How close the loser comes waits for the reasons of what is undecided.
    last = [line for line in lines if found.undecided_ranges and line.startswith(_CLOSEST)]
    lines = [line for line in lines if line not in last]
    if found.status == "undecided" and len(found.ratio_at) > 1 and not found.decided_ranges:
        leaning = _leaning(found, _sides(found)[1], axis)
        lines += [f"leaning: {leaning}"] if leaning and _is_of_single_values(found) else []
    has_ranges = bool(found.decided_ranges or found.crossings) and len(found.sizes_measured) > 1
    is_said = "; undecided " in said or _LIKELY in said
    if (
        has_ranges
        and "; not searched " not in said
        and (undecided := _undecided(found, is_said=is_said))
    ):
        lines.append(f"undecided: {undecided}")
    reason, what = found.reason, "why"
    rough = _rough(found)
    if reason and rough and said.endswith(rough):
        reason = reason.partition("; ")[2]
    elif reason and NOT_DECIDED in reason:
        what = "rough"
    lines += [f"{what}: {reason}"] if reason else []
    return tuple([*lines, *last][:_NOTES])


def _disagree(found: Crossover) -> str | None:
    """Return the note on runs that disagree: the result of each, and the next step."""
    if not found.disagreed_ranges or not found.sessions:
        return None
    shown = found.sessions[-_RUNS:]
    said = [f"{_alone(one, _sides(found)[1])} ({_day(one.when)})" for one in shown]
    if more := len(found.sessions) - len(shown):
        said.append(f"and {more} earlier")
    return f"{DISAGREE}: {', '.join(said)}; next: {AGAIN}"


def _alone(said: SessionCrossover, sides: Sides) -> str:
    if said.size is not None:
        return digits(said.size)
    if said.decided == "yes" and said.status in _EVERYWHERE:
        return f"{sides[_EVERYWHERE[said.status]].short} at every size"
    return said.status if said.decided == "yes" else "undecided"


def _day(when: str) -> str:
    """Return ``27 Nov 01:42`` of a run's start; the text itself where it is none."""
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        return when
    return f"{at.day} {at:%b %H:%M}"


def _undecided(found: Crossover, *, is_said: bool) -> str:
    """Return the sizes at which another winner may hide, unless that ``is_said``, and the gaps."""
    axis = axis_of(found)
    unsearched = [one for one in found.undecided_ranges if _is_unsearched(found, one)]
    others = [one for one in found.undecided_ranges if one not in unsearched]
    words = [listed(others, axis)] if others and not is_said else []
    if unsearched:
        words.append(f"not searched between {_between(found, unsearched, axis)}")
    return "; ".join(words)


def _between(found: Crossover, gaps: Sequence[Stretch], axis: str) -> str:
    """Return the sizes around gaps; where they are many, the stretches with gaps in between."""
    (low, high), *more = gaps
    ends = [size for size in found.sizes_measured if low <= size <= high]
    if more or len(ends) > _ENDS:
        return f"the sizes of {listed(gaps, axis)}"
    return sized(enumerated(map(number, ends)), axis)


def _is_unsearched(found: Crossover, undecided: Stretch) -> bool:
    """Return whether all its sizes are decided: only between them another winner may hide."""
    first, last = undecided
    return first < last and all(
        any(low <= size <= high for low, high in found.decided_ranges)
        for size in found.sizes_measured
        if first <= size <= last
    )


def _closest(found: Crossover) -> Iterator[str]:
    """Yield the size at which the loser comes closest, or where it is ahead by the estimate.

    Where the rest is probably a tie, how near to one.
    """
    (_, sides), winner = _sides(found), _only_winner(found)
    if winner is None:
        return
    rest = _without_winner(found)
    if (likely := _likely(rest)) and any(at.standing != "tie" for at in rest):
        yield f"{_LIKELY}: {likely}, {listed(_stretches(found, rest), axis_of(found))}"
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
    elif len(known) > 1 or found.decided == "yes":
        yield f"{_CLOSEST}: {words} at {where}{', gap narrowing' if _narrows(known, at) else ''}"


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
    other = inverse(Interval(at.ratio, at.low, at.high))
    return SizeRatio(at.size, other.estimate, other.low, other.high, at.repeats)


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
        described(state) if any(state[1:]) and not is_ours(found.source) else None,
        f"{len(found.files)} runs of one level" if _is_of_several_runs(found) else None,
    )
    kind = "no intervals"
    if not found.ratio_at or any(
        at.low is not None or at.high is not None for at in found.ratio_at
    ):
        kind = intervals_of(_starts(found)) if is_ours(found.source) else INTERVALS
    return "; ".join(filter(None, (", ".join(filter(None, words)), kind)))


def _starts(found: Crossover) -> list[Start]:
    """Return the starts of the runs that answer together."""
    return [one.when for one in found.sessions or ()] or [None]


def _is_of_several_runs(found: Crossover) -> bool:
    return found.source == "asv" and len(found.files) > 1  # it keeps one for each commit


def _is_of_single_values(found: Crossover) -> bool:
    return not is_ours(found.source) and all(at.repeats == 1 for at in found.ratio_at)


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
