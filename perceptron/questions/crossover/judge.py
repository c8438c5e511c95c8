"""Find the size from which the challenger beats the incumbent; no other module decides that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as with_fields
from itertools import combinations, groupby
from math import log
from operator import attrgetter
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from perceptron.answer import Decided
from perceptron.questions.crossover.comparable import (
    SYNCHRONIZE,
    BySize,
    ComparableRows,
    gpus_among,
    suspicions,
    why_not,
)
from perceptron.questions.crossover.crossing import (
    doubted,
    exceptions,
    known_ranges,
    uncertainties,
    zero_crossings,
)
from perceptron.questions.crossover.points import (
    Point,
    at_each,
    between_sizes,
    joined_points,
    points,
    points_of,
    ratio_at,
    with_ratio,
)
from perceptron.questions.crossover.undecided import (
    SINGLE_SIZE,
    exceptional_ratio,
    no_winner,
    too_busy,
)
from perceptron.questions.shared.published import FAMILY
from perceptron.records.comparison_key import ComparisonKey
from perceptron.records.measurement import EXTRAS, Measurement
from perceptron.statistics.contention import UNKNOWN
from perceptron.statistics.interval import TIE, Interval, Standing, standing
from perceptron.statistics.select import (
    NOT_REACHED,
    State,
    by_family_and_key,
    is_measured,
    is_of_suite,
    shared,
)
from perceptron.statistics.sizes import Stretch, joined, size_axis

Status = Literal[
    "crosses",
    "reverses",
    "always",
    "never",
    "multiple",
    "tie",
    "suspect",
    "undecided",
    "not measured",
]
# With any other status the answer names the faster backend, or a tie.
NO_ANSWER = ("suspect", "undecided", "not measured")
LIKELY = log(1.2)
"""Log-ratio beyond which an interval rules out "probably a tie", though the estimate is within ±5%.
"""


class Crossing(Struct, frozen=True):
    """A change of winner; ``direction`` is the winner from ``size`` up."""

    size: float
    direction: Literal["challenger", "incumbent"]


class SizeRatio(Struct, frozen=True):
    """The challenger's time over the incumbent's at one size, from ``repeats`` of each.

    ``low`` and ``high`` are the interval that decides; the intervals of all sizes hold together at
    95%. For single values they follow from the 99% intervals in their files. None means that an
    end is open or unknown.
    """

    size: float
    ratio: float
    low: float | None
    high: float | None
    repeats: int

    @property
    def standing(self) -> Standing:
        """Whether the challenger is slower, faster, tied with the incumbent, or undecided."""
        return standing(Interval(self.ratio, self.low, self.high))


class SessionCrossover(Struct, frozen=True, kw_only=True):
    """The result of one of several runs alone."""

    when: str
    """The start of the run."""
    status: Status
    size: float | None
    low: float | None
    high: float | None
    decided: Decided


class Crossover(Struct, frozen=True, kw_only=True):
    """The verdict on one pair of backends on one family, in one state of the code.

    ``size`` is the crossover if there is exactly one, and ``bracket`` the measured sizes around it.
    ``low`` and ``high`` are its 95% interval: None with a single repeat or value, and where the
    interval is open on that side. ``decided`` is ``yes`` if the status holds at 95% for all sizes,
    and ``partly`` if a winner or a tie is known at some: ``decided_ranges`` holds these, each with
    the same verdict throughout. ``undecided_ranges`` holds the sizes at which another winner by
    more than ±5% is possible. The status is ``undecided`` if no size has a winner, if at most one
    is decided, or if more are undecided than decided.
    """

    family: str
    incumbent: str
    challenger: str
    status: Status
    size: float | None = None
    low: float | None = None
    high: float | None = None
    bracket: tuple[float, float] | None = None
    crossings: list[Crossing] = []
    sizes_measured: list[float] = []
    ratio_at: list[SizeRatio] = []
    """The ratio at each measured size."""
    decided: Decided = "no"
    decided_ranges: list[Stretch] = []
    undecided_ranges: list[Stretch] = []
    machine: str
    dtype: str | None
    threads: int | None
    optimizer: str | None = None
    feed: str | None = None
    outputs: int | None = None
    batch: int | None = None
    """Rows of an iteration; None also if that is the axis."""
    models: int | None = None
    """Number of models; None also if that is the axis."""
    axis: str | None = None
    """The meaning of sizes, such as ``batch`` or ``width``; None if the rows do not state it."""
    source: str | None = None
    """The tool that measured it; None, like the rest of the state, if nothing can be compared."""
    commit: str | None = None
    environment: str | None = None
    version: str | None = None
    """The benchmark's version, if its tool keeps one."""
    code: str | None = None
    """Digest of the code that measured it, if our rows have one."""
    files: list[str] = []
    """The files of the rows, if known."""
    reason: str | None = None
    sessions: list[SessionCrossover] | UnsetType = UNSET
    """The result of each run alone if several are judged together, the oldest first."""
    disagreed_ranges: list[Stretch] | UnsetType = UNSET
    """Sizes at which the intervals of two runs exclude each other, and no run decides."""


RatioOf = Callable[[str, float], Interval | None]
"""Return the ratio of a challenger at a size if it was judged elsewhere, else None."""


def crossovers(
    rows: Iterable[Measurement],
    pairs: Sequence[tuple[str, str]] | None = None,
    ratio_of: RatioOf | None = None,
) -> list[Crossover]:
    """Return the crossover of every pair on every family, for each comparison key.

    ``pairs`` are (incumbent, challenger), by default every two backends of a family, with the one
    on the CPU, else the first in the rows, as the incumbent. Families along two axes or of one
    size, and our rows of other things than trainings, have no crossover. A pair is judged at the
    newest commit that has a time of both, in each environment, by all sessions that may be joined.
    ``ratio_of`` gives the ratios at sizes that were judged elsewhere.
    """
    groups = by_family_and_key(list(rows))
    return [
        crossover
        for (family, key), members in sorted(groups.items(), key=lambda group: str(group[0]))
        if is_line(members) and not (family in EXTRAS and all(map(is_of_suite, members)))
        for crossover in _of_family(
            members, family, key, tuple(pairs or pairs_of(members)), ratio_of
        )
    ]


def _of_family(
    rows: list[Measurement],
    family: str,
    key: ComparisonKey,
    pairs: tuple[tuple[str, str], ...],
    ratio_of: RatioOf | None,
) -> list[Crossover]:
    """Return the crossovers of a family with one comparison key, one per pair and state."""
    comparable, axis = ComparableRows(rows), axis_of(rows)
    gpus = gpus_among(rows)
    verdicts: list[Crossover] = []
    for incumbent, challenger in pairs:
        nothing = Crossover(
            family=family,
            incumbent=incumbent,
            challenger=challenger,
            status="not measured",
            **key._asdict(),
            axis=axis,
        )
        states = comparable.states(incumbent, challenger)
        if not states:
            why = why_not(comparable, rows, incumbent, challenger)
            verdicts.append(replace(nothing, reason=why))
        verdicts += (_judge(nothing, comparable, state, gpus, ratio_of) for state in states)
    return verdicts


def not_reached(
    judged_pairs: Iterable[Crossover],
    rows: Sequence[Measurement],
    pairs: Sequence[tuple[str, str]],
    planned: Mapping[str, int],
    threads: Iterable[int],
) -> Iterator[Crossover]:
    """Yield a ``not measured`` crossover for each pair that the budget did not reach in a family.

    Of such a pair a backend has no row in the family with this number of threads, not even a
    failed one, or only one size was measured though more are ``planned``. In a family without rows
    no pair was reached. Pairs that are in ``judged_pairs`` are left out.
    """
    if not rows:
        return
    fields = attrgetter("family", "threads", "processes", "backend", "size", "status")
    distinct_epochs = dict(zip(map(fields, rows), rows, strict=True)).values()
    judged = {
        (crossover.family, crossover.threads, crossover.incumbent, crossover.challenger)
        for crossover in judged_pairs
    }
    failed = {row.backend for row in distinct_epochs}
    failed -= {row.backend for row in distinct_epochs if row.status == "ok"}
    example = next((row for row in rows if row.family != FAMILY), rows[0])
    measured = {row.all_threads for row in distinct_epochs if row.all_threads is not None}
    for of_all in sorted(measured.union(threads)):
        for family, sizes_planned in planned.items():
            members = [
                row for row in distinct_epochs if (row.family, row.all_threads) == (family, of_all)
            ]
            sizes, reached = {row.size for row in members}, {row.backend for row in members}
            for pair in pairs:
                is_over = reached.issuperset(pair) and len(sizes) >= min(2, sizes_planned)
                if is_over or (family, of_all, *pair) in judged:
                    continue
                if not sizes or failed.isdisjoint(pair):
                    has_both = all(is_measured(members, name) for name in pair)
                    yield Crossover(
                        family=family,
                        incumbent=pair[0],
                        challenger=pair[1],
                        status="not measured",
                        machine=example.machine,
                        dtype=example.dtype,
                        threads=of_all,
                        reason=SINGLE_SIZE if has_both else NOT_REACHED,
                    )


def ratio_near(
    crossover: Crossover, rows: Sequence[Measurement], size: float, confidence: float
) -> Interval | None:
    """Return the challenger's time over the incumbent's at a size; None outside the measured sizes.

    Between two sizes of one decided range the interval covers those of both; elsewhere there is
    none. ``rows`` are those of the crossover; ``confidence`` is the level of all sizes together.
    """
    measured = points(rows, crossover.incumbent, crossover.challenger)
    below = [at for at in measured if at.size <= size][-1:]
    above = [at for at in measured if at.size >= size][:1]
    if not (below and above):
        return None
    low, high = below[0], above[0]
    level = at_each(confidence, len(measured))
    ends = [ratio_at(point, level) for point in (low, high)]
    estimate = ends[0].estimate
    if low is not high:
        estimate = between_sizes(low, high, size, level).estimate
    if not any(start <= size <= end for start, end in crossover.decided_ranges):
        return Interval(estimate, None, None)
    # An end that is unknown at one of them, because of waiting, is unknown between them.
    lows = [at.low for at in ends if at.low is not None]
    highs = [at.high for at in ends if at.high is not None]
    return Interval(
        estimate, min(lows) if len(lows) == 2 else None, max(highs) if len(highs) == 2 else None
    )


def is_line(rows: Iterable[Measurement]) -> bool:
    """Return whether the rows vary along one axis: several sizes, each with one problem."""
    shapes = set(map(attrgetter("size", "problem"), rows))
    sizes = {size for size, _ in shapes}
    return 1 < len(sizes) == len(shapes)


def axis_of(rows: Iterable[Measurement]) -> str | None:
    """Return the name of the axis along which the rows vary; None if they do not state it."""
    axes = shared(map(attrgetter("axes"), rows), ())
    return axes[0] if len(axes) == 1 else None


def pairs_of(rows: Iterable[Measurement]) -> list[tuple[str, str]]:
    """Return every two backends, as (incumbent, challenger)."""
    rows = list(rows)
    names = dict.fromkeys(map(attrgetter("backend"), rows))
    return list(combinations(sorted(names, key=gpus_among(rows).__contains__), 2))  # stable


def _judge(
    nothing: Crossover,
    comparable: ComparableRows,
    state: State,
    gpus: Collection[str],
    ratio_of: RatioOf | None,
) -> Crossover:
    """Return ``nothing``, a pair without a result, with its result in one state."""
    source, commit, environment, version, code, _ = state
    nothing = replace(
        nothing,
        source=source,
        commit=commit,
        environment=environment,
        version=version,
        code=code,
    )
    pair = (nothing.incumbent, nothing.challenger)
    sessions = comparable.sessions(state, *pair)
    if len(sessions) > 1:
        return _of_sessions(nothing, comparable, sessions, gpus, ratio_of)
    level = comparable.level(state, *pair)
    by_size = [_joined(comparable.by_size(commit, name) for commit in level) for name in pair]
    return _judged(nothing, by_size, _known_better(points_of(*by_size), pair[1], ratio_of), gpus)


def _of_sessions(
    nothing: Crossover,
    comparable: ComparableRows,
    sessions: Sequence[State],
    gpus: Collection[str],
    ratio_of: RatioOf | None,
) -> Crossover:
    """Return the crossover of several sessions together, with the result of each alone."""
    pair = (nothing.incumbent, nothing.challenger)
    by_session = [[comparable.by_size(session, name) for name in pair] for session in sessions]
    points_of_each = [points_of(*by_size) for by_size in by_session]
    starts = [session.session for session in sessions]
    measured, disagreed = joined_points(dict(zip(starts, points_of_each, strict=True)))
    by_size = [_joined(of_session[side] for of_session in by_session) for side in range(len(pair))]
    together = _judged(
        nothing, by_size, _known_better(measured, pair[1], ratio_of), gpus, disagreed
    )
    alone = [
        _judged(nothing, *inputs, gpus) for inputs in zip(by_session, points_of_each, strict=True)
    ]
    results = [
        SessionCrossover(
            when=comparable.started(state),
            status=crossover.status,
            size=crossover.size,
            low=crossover.low,
            high=crossover.high,
            decided=crossover.decided,
        )
        for state, crossover in zip(sessions, alone, strict=True)
    ]
    stretches = [
        [point.size for point in run]
        for is_among, run in groupby(measured, key=lambda point: point.size in disagreed)
        if is_among
    ]
    return replace(
        together,
        sessions=sorted(results, key=attrgetter("when")),
        disagreed_ranges=[(sizes[0], sizes[-1]) for sizes in stretches],
    )


def _known_better(measured: list[Point], challenger: str, ratio_of: RatioOf | None) -> list[Point]:
    """Return the points, with the ratios of ``ratio_of`` at sizes that were judged elsewhere."""
    if ratio_of is None:
        return measured
    return [with_ratio(point, ratio_of(challenger, point.size)) for point in measured]


def _judged(
    nothing: Crossover,
    by_size: Sequence[BySize],
    measured: Sequence[Point],
    gpus: Collection[str],
    disagreed: Collection[float] = (),
) -> Crossover:
    """Return the crossover from the points of a pair; runs disagree at the sizes ``disagreed``."""
    pair = (nothing.incumbent, nothing.challenger)
    axis = size_axis(nothing.family, nothing.axis)
    used = [row for rows in by_size for point in measured for row in rows[point.size]]
    zeros = zero_crossings(measured)
    remaining = uncertainties(measured, zeros)
    in_question = len(doubted(remaining))
    contradicted = [index for index, point in enumerate(measured) if point.size in disagreed]
    remaining += [(index, index) for index in contradicted if (index, index) not in remaining]
    ratios = list(map(_ratio_at, measured))
    # A zero next to a tie, or at an exceptional size, is no change of winner.
    apart = exceptions(measured)
    changes = zeros
    if apart or any(point.is_tie for point in measured):
        changes = zero_crossings(
            [
                with_fields(point, sign=0) if point.is_tie else point
                for index, point in enumerate(measured)
                if index not in apart
            ]
        )
    ranges = known_ranges(measured, remaining)
    winners = [side for first, _ in ranges if (side := measured[first].decided) != "tie"]
    impossible, caution = suspicions(
        used, dict(zip(pair, by_size, strict=True)), [point.size for point in measured]
    )
    status: Status
    explanation: str | None = None
    if not measured:
        status, explanation = "not measured", "no repeat measured both"
    elif impossible:
        status, explanation, changes, remaining, ranges = "suspect", impossible, [], [], []
    elif len(measured) > 1 and not winners and all(map(_is_near, measured)):
        status, changes = "tie", []
    elif not winners or len(measured) - in_question < max(2, in_question):
        status, changes = "undecided", []
        explanation = too_busy(measured, by_size, pair, nothing.source, nothing.threads, axis)
        explanation = explanation or no_winner(measured, used, len(ranges), pair, axis)
    elif not changes:
        status = "never" if winners[0] == "incumbent" else "always"
    elif len(changes) > 1:
        status = "multiple"
    else:
        status = "crosses" if changes[0].direction == "challenger" else "reverses"
        loser, winner = pair if status == "crosses" else pair[::-1]
        if loser in gpus and winner not in gpus:
            status, remaining, ranges = "suspect", [], []
            explanation = f"{loser} stops winning as sizes grow; {SYNCHRONIZE}"
    if len(measured) == 1:
        ranges = []
    has_winner = status == "tie" or bool(ranges)
    if has_winner and _is_of_one_process(used, measured):
        status, changes, ranges, remaining = "undecided", [], [], [(0, len(measured) - 1)]
        explanation = "one process of each: another may say otherwise"
    has_intervals = all(point.df for point in measured)
    if status not in NO_ANSWER:
        doubt = None
        if not has_intervals and not remaining:
            doubt = "single values have no interval"
        elif remaining and not changes:  # one end is decided, and the other was too busy
            doubt = too_busy(measured, by_size, pair, nothing.source, nothing.threads, axis)
        exception = exceptional_ratio(measured, apart, pair[1], axis)
        explanation = "; ".join(filter(None, (caution, doubt, exception)))
        explanation = explanation or None
    is_whole = status not in NO_ANSWER and has_intervals and not remaining
    if status == "tie":
        is_whole = is_whole and all(point.is_tie for point in measured)
    only = changes[0] if len(changes) == 1 else None
    return replace(
        nothing,
        status=status,
        size=only and only.estimate,
        low=only and only.low,
        high=only and only.high,
        bracket=only and only.bracket,
        crossings=[Crossing(zero.estimate, zero.direction) for zero in changes],
        sizes_measured=[point.size for point in measured],
        ratio_at=ratios,
        decided="yes" if is_whole else "partly" if ranges else "no",
        decided_ranges=[(measured[first].size, measured[last].size) for first, last in ranges],
        undecided_ranges=joined(
            (measured[first].size, measured[last].size) for first, last in remaining
        ),
        files=sorted(set(map(attrgetter("file"), used)).difference([None])),
        reason=explanation,
    )


def _joined(parts: Iterable[BySize]) -> BySize:
    """Return the rows of several states by size."""
    every: BySize = {}
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        for size, rows in part.items():
            every.setdefault(size, []).extend(rows)
    return every


def _is_of_one_process(rows: Sequence[Measurement], points: Sequence[Point]) -> bool:
    """Return whether the deciding values are of a single process.

    Of ten commits of this suite that asv had measured at one level, eight had torch-cpu faster at
    width 2,048, and the newest the opposite, with an interval of 4 to 13%. The values of a
    published table (CSV), of unknown origin, are accepted.
    """
    deciding = [point for point in points if point.sign] or points
    return not all(point.df for point in deciding) and rows[0].source != "csv"


def _is_near(point: Point) -> bool:
    """Return whether the size is a tie, or probably one; single values need no interval."""
    has_interval = bool(point.df)
    return (
        abs(point.mean) <= TIE
        and max(point.hidden) < UNKNOWN
        and (not has_interval or max(map(abs, point.interval())) <= LIKELY)
    )


def _ratio_at(point: Point) -> SizeRatio:
    ratio = ratio_at(point)
    return SizeRatio(point.size, ratio.estimate, *ratio.ends, point.count)
