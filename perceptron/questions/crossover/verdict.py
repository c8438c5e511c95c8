"""The sentences on a crossover that a user reads.

Every size is followed by its noun, every ratio names its subject, and a backend is called faster
only at sizes that the judge has decided.
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
from perceptron.statistics.over_processes import Side, is_this_package, sides_of, threads_in_all
from perceptron.statistics.rough import NOT_DECIDED
from perceptron.statistics.select import State, by_family_and_key
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

# Note lines below a verdict, at most.
_NOTES = 2
# Newest runs that a line names.
_RUNS = 3
# Sizes around gaps that a line names.
_ENDS = 4
# Of a log-ratio: closer to 0, two times are shown as equal.
_NOTHING = 0.005
# Points at which the interpolated log-ratio of two functions is tested for a tie.
_STEPS = 2001
# Largest ratio of the measured sizes around a crossover that allows a linear interpolation.
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
    crossovers = [crossover for crossover in crossovers if is_measured(crossover)]
    by_backend = {
        (*line, backend): contention
        for line, members in by_family_and_key(list(rows)).items()
        for backend, contention in by_key(members, attrgetter("backend")).items()
    }

    def contention(crossover: Crossover) -> Contention:
        nothing, key = Contention(), (crossover.family, comparison_key(crossover))
        return by_backend.get((*key, crossover.incumbent), nothing) + by_backend.get(
            (*key, crossover.challenger), nothing
        )

    pairs = Counter((crossover.family, comparison_key(crossover)) for crossover in crossovers)
    return tuple(
        verdict(
            crossover,
            contention(crossover),
            is_of_several=pairs[crossover.family, comparison_key(crossover)] > 1,
        )
        for crossover in crossovers
    )


def verdict(
    crossover: Crossover, contention: Contention | None = None, *, is_of_several: bool = False
) -> Verdict:
    """Return the verdict on a pair, with its share of contended rows.

    The sentence names both backends if the pair is one of several.
    """
    return Verdict(
        subject=crossover.family,
        decided=crossover.decided,
        sentence=sentence(crossover, is_of_several=is_of_several),
        notes=notes(crossover, is_of_several=is_of_several),
        heading=setting(crossover),
        contended=rough_percent(contention.share) if contention and contention.is_any else "",
    )


def is_measured(crossover: Crossover) -> bool:
    """Return whether any size was measured on both."""
    return crossover.status != "not measured"


def axis_of(crossover: Crossover) -> str:
    """Return the name of the axis: what its sizes count."""
    return size_axis(crossover.family, crossover.axis)


Sides = dict[Known, Side]
"""The ``incumbent`` and the ``challenger`` of a pair."""


def _sides(crossover: Crossover) -> tuple[str, Sides]:
    """Return the common prefix, such as ``torch-cpu: ``, and the name of each side."""
    prefix, (incumbent, challenger) = sides_of(
        crossover.incumbent, crossover.challenger, crossover.source
    )
    return prefix, {"incumbent": incumbent, "challenger": challenger}


def sentence(crossover: Crossover, *, is_of_several: bool = False) -> str:
    """Name the faster backend at each size, as far as that is decided.

    If the pair is one of several, name both. Gaps that were not searched, and the sizes of several
    ranges, are named if they fit into a line.
    """
    if crossover.status == "not measured":
        return f"not measured: {crossover.reason or 'no times'}"
    if crossover.status == "suspect":
        return SUSPECT
    build = partial(
        _composed, crossover, *_sides(crossover), axis_of(crossover), is_of_several=is_of_several
    )
    for gaps in (_gaps(crossover), None):
        if len(text := build(gaps=gaps)) <= COLUMNS:
            return text
    return build(gaps=None, is_brief=True)


def _composed(
    crossover: Crossover,
    prefix: str,
    sides: Sides,
    axis: str,
    *,
    is_of_several: bool,
    gaps: str | None,
    is_brief: bool = False,
) -> str:
    incumbent, challenger = sides["incumbent"], sides["challenger"]
    both = f"{incumbent.short} and {challenger.name}"
    # Clauses that name at most one backend begin with both.
    named = f"{prefix}{both}: " if is_of_several else prefix
    if has_crossing(crossover):
        return prefix + (
            _between_runs(crossover, sides, axis) or _overtakes(crossover, sides, axis)
        )
    if winner := _only_winner(crossover):
        rival = f" than {sides[_OTHER[winner]].name}" if is_of_several else ""
        sizes = _where(crossover, axis, gaps, is_brief)
        return f"{prefix}{sides[winner].does('is')} faster{rival} {sizes}"
    if has_turns(crossover):
        first, *later = crossover.crossings
        start = f"{sides[first.direction].does('lead')} from {sized(digits(first.size), axis)}"
        turns = (f"{sides[change.direction].short} from {digits(change.size)}" for change in later)
        number_of = {2: "two", 3: "three"}.get(
            len(crossover.crossings), str(len(crossover.crossings))
        )
        return f"{prefix}{number_of} crossovers: {', '.join([start, *turns])}"
    first_size, last_size = crossover.sizes_measured[0], crossover.sizes_measured[-1]
    if crossover.status == "tie":
        ends = listed([(first_size, last_size)], axis)
        if crossover.decided == "yes":
            return f"{prefix}{both} tie: within 5%, {ends}"
        if numbers := _likely(crossover.ratio_at):
            # Two names leave less room.
            numbers = numbers.removeprefix("estimates ") if is_of_several else numbers
            return f"{named}{_LIKELY}: {numbers}, {ends}"
        return f"{prefix}undecided, {both} within 5% at {ends}"
    if len(crossover.sizes_measured) == 1:
        return f"{named}undecided at {sized(number(first_size), axis)}, the only size"
    if crossover.decided_ranges:
        ranges = _ranges(crossover)
        leads = f"{_each_leads(ranges, sides, axis, is_brief)}; {gaps or 'undecided elsewhere'}"
        return (prefix if ranges.keys() >= sides.keys() else named) + leads
    if rough := _rough(crossover):
        return (prefix if both in rough else named) + rough
    return f"{named}undecided {every(first_size, last_size, axis).replace(' measured', '')}"


def _rough(crossover: Crossover) -> str | None:
    """Return the rough answer of a pair undecided for its contention; None for other pairs."""
    rough, _, _ = (crossover.reason or "").partition("; ")
    return rough if crossover.status == "undecided" and NOT_DECIDED in rough else None


def _ranges(crossover: Crossover) -> dict[Known, list[Stretch]]:
    """Return the decided ranges of each winner, and those of a tie."""
    ratios = {ratio.size: ratio for ratio in crossover.ratio_at}
    ranges: dict[Known, list[Stretch]] = {}
    for low, high in crossover.decided_ranges:
        ratio = ratios[low]
        winner: Known = "incumbent" if ratio.ratio > 1 else "challenger"
        if ratio.standing == "tie":
            winner = "tie"
        ranges.setdefault(winner, []).append((low, high))
    return ranges


def _won(crossover: Crossover) -> list[Stretch]:
    """Return the decided ranges that have a winner."""
    ranges = _ranges(crossover)
    return sorted([*ranges.get("incumbent", []), *ranges.get("challenger", [])])


def _each_leads(
    ranges: Mapping[Known, list[Stretch]], sides: Sides, axis: str, is_brief: bool = False
) -> str:
    """Return a clause of all winners with their sizes; the first has the noun."""
    clauses: list[str] = []
    for winner, stretches in ranges.items():
        leads = "a tie" if winner == "tie" else sides[winner].does("lead")
        sizes = "some sizes" if is_brief else listed(stretches, None if clauses else axis)
        clauses.append(f"{leads} at {sizes}")
    return ", ".join(clauses)


def _leaning(crossover: Crossover, sides: Sides, axis: str) -> str | None:
    """Return a clause on the sizes at which the ratios have each side ahead; None without any."""
    ranges: dict[Known, list[Stretch]] = {}
    before = None
    for at in crossover.ratio_at:
        low, high = at.low or at.ratio, at.high or at.ratio
        ahead: Known | None = "incumbent" if low > 1 else "challenger" if high < 1 else None
        if ahead is not None and ahead == before:
            ranges[ahead][-1] = (ranges[ahead][-1][0], at.size)
        elif ahead is not None:
            ranges.setdefault(ahead, []).append((at.size, at.size))
        before = ahead
    return _each_leads(ranges, sides, axis) or None


def has_crossing(crossover: Crossover) -> bool:
    """Return whether there is a single change of winner, with a winner known on both sides."""
    return len(crossover.crossings) == 1 and has_turns(crossover)


def has_turns(crossover: Crossover) -> bool:
    """Return whether a winner is known before, between and after all changes of winner."""
    ends = [0.0, *(crossing.size for crossing in crossover.crossings), inf]
    won = _won(crossover)
    return len(ends) > 2 and all(
        any(start <= low and high <= end for low, high in won) for start, end in pairwise(ends)
    )


def _only_winner(crossover: Crossover) -> Known | None:
    """Return the only side that is faster at any size; None if there is no such side."""
    if crossover.status in _EVERYWHERE:
        return _EVERYWHERE[crossover.status]
    won = _won(crossover)
    if len(crossover.crossings) != 1 or not won or has_turns(crossover):
        return None
    (turn,) = crossover.crossings
    return turn.direction if won[0][0] >= turn.size else _OTHER[turn.direction]


def _overtakes(crossover: Crossover, sides: Sides, axis: str) -> str:
    (turn,) = crossover.crossings
    winner, loser = sides[turn.direction], sides[_OTHER[turn.direction]]
    at = located(
        turn.size, crossover.low, crossover.high, axis, is_whole=_is_of_functions(crossover)
    )
    return f"{winner.does('overtake')} {loser.short} at {at}"


def disagreed_ends(crossover: Crossover, axis: str) -> str | None:
    """Return the two sizes between which runs disagree on the crossover, else None."""
    low, high = crossover.low, crossover.high
    if low is None or high is None:
        return None
    if not any(first <= high and last >= low for first, last in crossover.disagreed_ranges or ()):
        return None
    return sized(f"{digits(low)} and {digits(high)}", axis)


def _between_runs(crossover: Crossover, sides: Sides, axis: str) -> str | None:
    """Return a clause on the sizes between which runs disagree on the crossover, else None."""
    (turn,) = crossover.crossings
    winner, loser = sides[turn.direction], sides[_OTHER[turn.direction]]
    if (ends := disagreed_ends(crossover, axis)) is None:
        return None
    return f"{winner.does('overtake')} {loser.short} between {ends}: {DISAGREE}"


def _where(crossover: Crossover, axis: str, gaps: str | None, is_brief: bool) -> str:
    """Return a clause on the sizes at which the winner is decided, and on the others."""
    first, last = crossover.sizes_measured[0], crossover.sizes_measured[-1]
    won = _won(crossover)
    if won == [(first, last)]:
        return every(first, last, axis)
    others = _others(crossover)
    if len(won) == 1:
        low, high = won[0]
        if low == first:
            return f"up to {sized(number(high), axis)}; {others} above"
        if high == last:
            return f"from {sized(number(low), axis)}; {others} below"
    sizes = "some sizes" if is_brief else listed(won, axis)
    return f"at {sizes}; {gaps or f'{others} elsewhere'}"


def _gaps(crossover: Crossover) -> str | None:
    """Return a clause on the gaps that were not searched; None if measured sizes are undecided."""
    gaps = crossover.undecided_ranges
    ranges = crossover.decided_ranges
    is_decided = all(
        any(low <= at <= high for low, high in ranges) for at in crossover.sizes_measured
    )
    if not gaps or not is_decided or "tie" in _ranges(crossover):
        return None
    return f"not searched between {_between(crossover, gaps, axis_of(crossover))}"


def _others(crossover: Crossover) -> str:
    """Return the clause on the sizes without a winner."""
    rest = _without_winner(crossover)
    if rest and all(at.standing == "tie" for at in rest):
        return "a tie"
    if _likely(rest):
        return _LIKELY
    return "at worst a tie" if crossover.decided == "yes" else "undecided"


def _without_winner(crossover: Crossover) -> list[SizeRatio]:
    won = _won(crossover)
    return [at for at in crossover.ratio_at if not any(low <= at.size <= high for low, high in won)]


def _stretches(crossover: Crossover, ratios: Sequence[SizeRatio]) -> list[Stretch]:
    """Return the ranges of neighbouring sizes among ``ratios``."""
    sizes = {at.size for at in ratios}
    runs = groupby(crossover.sizes_measured, key=sizes.__contains__)
    stretches = [list(run) for is_among, run in runs if is_among]
    return [(run[0], run[-1]) for run in stretches]


def _likely(ratios: Sequence[SizeRatio]) -> str | None:
    """Return a clause on how close to a tie the sizes probably are; None if any may be further."""
    if not ratios or any(abs(log(at.ratio)) > TIE for at in ratios):
        return None
    estimate = max(abs(log(at.ratio)) for at in ratios)
    furthest = max(abs(log(end or inf)) for at in ratios for end in (at.low, at.high))
    if furthest > LIKELY:
        return None
    within = max(1, ceil(100 * expm1(estimate) - _NOTHING))
    return f"estimates within {within}%, intervals up to {digits(100 * expm1(furthest), 2)}%"


# --- the lines below -----------------------------------------------------------------------------


def notes(crossover: Crossover, *, is_of_several: bool = False) -> tuple[str, ...]:
    """Return at most two notes on a verdict, doubts first: a terminal shows only the first."""
    if crossover.status == "suspect":
        return (f"why: {crossover.reason}",) if crossover.reason else ()
    if not is_measured(crossover):
        return ()
    axis, text = axis_of(crossover), sentence(crossover, is_of_several=is_of_several)
    lines = [*_closest(crossover), *_nearly_equal(crossover)]
    if disagree := _disagree(crossover):
        lines.insert(0, disagree)
    # The closest size comes after the reasons for undecided sizes.
    last = [line for line in lines if crossover.undecided_ranges and line.startswith(_CLOSEST)]
    lines = [line for line in lines if line not in last]
    if (
        crossover.status == "undecided"
        and len(crossover.ratio_at) > 1
        and not crossover.decided_ranges
    ):
        leaning = _leaning(crossover, _sides(crossover)[1], axis)
        lines += [f"leaning: {leaning}"] if leaning and _is_of_single_values(crossover) else []
    has_ranges = (
        bool(crossover.decided_ranges or crossover.crossings) and len(crossover.sizes_measured) > 1
    )
    is_said = "; undecided " in text or _LIKELY in text
    if (
        has_ranges
        and "; not searched " not in text
        and (undecided := _undecided(crossover, is_said=is_said))
    ):
        lines.append(f"undecided: {undecided}")
    reason, what = crossover.reason, "why"
    rough = _rough(crossover)
    if reason and rough and text.endswith(rough):
        reason = reason.partition("; ")[2]
    elif reason and NOT_DECIDED in reason:
        what = "rough"
    lines += [f"{what}: {reason}"] if reason else []
    return tuple([*lines, *last][:_NOTES])


def _disagree(crossover: Crossover) -> str | None:
    """Return the note on runs that disagree: the result of each, and the next step."""
    if not crossover.disagreed_ranges or not crossover.sessions:
        return None
    shown = crossover.sessions[-_RUNS:]
    results = [f"{_alone(run, _sides(crossover)[1])} ({_day(run.when)})" for run in shown]
    if more := len(crossover.sessions) - len(shown):
        results.append(f"and {more} earlier")
    return f"{DISAGREE}: {', '.join(results)}; next: {AGAIN}"


def _alone(result: SessionCrossover, sides: Sides) -> str:
    if result.size is not None:
        return digits(result.size)
    if result.decided == "yes" and result.status in _EVERYWHERE:
        return f"{sides[_EVERYWHERE[result.status]].short} at every size"
    return result.status if result.decided == "yes" else "undecided"


def _day(when: str) -> str:
    """Return a run's start as ``27 Nov 01:42``; the text itself if it is no ISO date."""
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        return when
    return f"{at.day} {at:%b %H:%M}"


def _undecided(crossover: Crossover, *, is_said: bool) -> str:
    """Return the undecided sizes, unless the sentence has them (``is_said``), and the gaps."""
    axis = axis_of(crossover)
    unsearched = [
        stretch for stretch in crossover.undecided_ranges if _is_unsearched(crossover, stretch)
    ]
    others = [stretch for stretch in crossover.undecided_ranges if stretch not in unsearched]
    parts = [listed(others, axis)] if others and not is_said else []
    if unsearched:
        parts.append(f"not searched between {_between(crossover, unsearched, axis)}")
    return "; ".join(parts)


def _between(crossover: Crossover, gaps: Sequence[Stretch], axis: str) -> str:
    """Return the sizes around gaps; if there are many, the ranges that contain them."""
    (low, high), *more = gaps
    ends = [size for size in crossover.sizes_measured if low <= size <= high]
    if more or len(ends) > _ENDS:
        return f"the sizes of {listed(gaps, axis)}"
    return sized(enumerated(map(number, ends)), axis)


def _is_unsearched(crossover: Crossover, undecided: Stretch) -> bool:
    """Return whether all sizes of an undecided range are decided, so only its gaps are open."""
    first, last = undecided
    return first < last and all(
        any(low <= size <= high for low, high in crossover.decided_ranges)
        for size in crossover.sizes_measured
        if first <= size <= last
    )


def _closest(crossover: Crossover) -> Iterator[str]:
    """Yield a line on the size at which the loser comes closest, or leads by the estimate.

    If the other sizes are probably a tie, the line says how close to one.
    """
    (_, sides), winner = _sides(crossover), _only_winner(crossover)
    if winner is None:
        return
    rest = _without_winner(crossover)
    if (likely := _likely(rest)) and any(at.standing != "tie" for at in rest):
        yield f"{_LIKELY}: {likely}, {listed(_stretches(crossover, rest), axis_of(crossover))}"
        return
    if crossover.crossings:
        yield f"leaning: {_overtakes(crossover, sides, axis_of(crossover))}"
        return
    if not crossover.ratio_at:
        return
    loser = sides[_OTHER[winner]]
    ratios = [at if winner == "incumbent" else _turned(at) for at in crossover.ratio_at]
    ahead = [at for at in ratios if _may_lead(at)]
    at = min(ahead or ratios, key=lambda ratio: ratio.ratio)
    clause = f"{loser.does('take')} {times_as_long(at.ratio, at.low, at.high)}"
    size = sized(number(at.size), axis_of(crossover))
    if ahead:
        yield f"leaning: {clause} at {size}"
    elif len(ratios) > 1 or crossover.decided == "yes":
        yield f"{_CLOSEST}: {clause} at {size}{', gap narrowing' if _narrows(ratios, at) else ''}"


def _nearly_equal(crossover: Crossover) -> Iterator[str]:
    """Yield a line on the whole sizes around a crossover at which two functions are within 5%."""
    low, high = crossover.bracket or (0.0, inf)
    if not (_is_of_functions(crossover) and has_crossing(crossover)) or high > _CLOSE * low:
        return
    xs = [log(at.size) for at in crossover.ratio_at]
    ys = [log(at.ratio) for at in crossover.ratio_at]
    fine = np.linspace(xs[0], xs[-1], _STEPS)
    differs = np.flatnonzero(abs(np.interp(fine, xs, ys)) > TIE)
    at = log(crossover.crossings[0].size)
    below = max((fine[index] for index in differs if fine[index] < at), default=xs[0])
    above = min((fine[index] for index in differs if fine[index] > at), default=xs[-1])
    first, last = ceil(exp(below)), floor(exp(above))
    if first <= last:
        yield f"equal within 5%: {listed([(first, last)], axis_of(crossover))}"


def _is_of_functions(crossover: Crossover) -> bool:
    """Return whether the user's functions were compared, whose data have a dtype of their own."""
    return crossover.source == "perceptron" and crossover.dtype is None


def _turned(at: SizeRatio) -> SizeRatio:
    """Return the inverse ratio: the incumbent's time over the challenger's."""
    other = inverse(Interval(at.ratio, at.low, at.high))
    return SizeRatio(at.size, other.estimate, other.low, other.high, at.repeats)


def _may_lead(at: SizeRatio) -> bool:
    """Return whether the challenger leads by the estimate, and maybe by more than a tie."""
    furthest = at.ratio if at.low is None and at.high is None else (at.low or 0.0)
    return log(at.ratio) < -_NOTHING and furthest < exp(-TIE)


def _narrows(ratios: Sequence[SizeRatio], at: SizeRatio) -> bool:
    """Return whether ``at`` is an end of the sizes towards which the loser gains beyond noise."""
    index = ratios.index(at)
    if len(ratios) < 2 or index not in (0, len(ratios) - 1) or at.ratio <= 1:
        return False
    before = ratios[1 if index == 0 else -2]
    moved = abs(log(before.ratio)) - abs(log(at.ratio))
    noise = hypot(*map(_half_width, (at, before)))
    return moved > (noise if noise < inf else 1e-9)  # beyond rounding


def _half_width(at: SizeRatio) -> float:
    return log(at.high / at.low) / 2 if at.low and at.high else inf


# --- where it was measured -----------------------------------------------------------------------


def setting(crossover: Crossover) -> str:
    """Return machine, threads, dtype, training and kind of interval of a pair, as far as known.

    Results of another tool also have their state.
    """
    state = State(
        crossover.source, crossover.commit, crossover.environment, crossover.version, crossover.code
    )
    words = (
        None if crossover.machine == "unknown" else crossover.machine,
        None if crossover.threads is None else threads_in_all(crossover.threads, ()),
        crossover.dtype,
        training_words(crossover),
        described(state) if any(state[1:]) and not is_this_package(crossover.source) else None,
        f"{len(crossover.files)} runs of one level" if _is_of_several_runs(crossover) else None,
    )
    kind = "no intervals"
    if not crossover.ratio_at or any(
        at.low is not None or at.high is not None for at in crossover.ratio_at
    ):
        kind = intervals_of(_starts(crossover)) if is_this_package(crossover.source) else INTERVALS
    return "; ".join(filter(None, (", ".join(filter(None, words)), kind)))


def _starts(crossover: Crossover) -> list[Start]:
    """Return the starts of the runs that were judged together."""
    return [session.when for session in crossover.sessions or ()] or [None]


def _is_of_several_runs(crossover: Crossover) -> bool:
    return crossover.source == "asv" and len(crossover.files) > 1  # it keeps one for each commit


def _is_of_single_values(crossover: Crossover) -> bool:
    return not is_this_package(crossover.source) and all(
        at.repeats == 1 for at in crossover.ratio_at
    )
