"""docs/how-sure.md: the suite's own targets of speed, idle and beside a busy neighbour.

Rows of a backend against itself are judged as those of two backends: by uncontended processes, and
where these are too few by intervals wider by as much as waiting may hide.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, expm1, inf, isfinite, isinf, log1p
from statistics import median

from benchmarks.speeds import Answer, Asked, SelfRatios, SelfRound, Side, Speeds, Width
from docs.build.blocks import Blocks
from perceptron.analysis.crossover.points import Point, points_of
from perceptron.analysis.interval import CONFIDENCE
from perceptron.analysis.select import has_time
from perceptron.numbers import NONE, count, digits, percent
from perceptron.records.measurement import Measurement
from perceptron.report.tables import markdown

COLUMNS = ("measured", "idle: target", "reached", "one busy neighbour: target", "reached")
ITSELF_COLUMNS = (
    "a backend against itself",
    "idle: intervals that hold 1",
    "median ratio",
    "median width",
    "one busy neighbour: intervals that hold 1",
    "median ratio",
    "median width",
)
MISSED = "**missed**"
BENCH_MINUTES = (6.0, 6.6)
CROSSOVER_SECONDS = (90.0, 130.0)
RATIOS = {"numpy": 0.65, "numpy-inplace": 0.35}
MOST_MOVED = 0.05
MOST_WIDENED = 2.0
GATE_SECONDS = (10.0, 15.0)

_NOT_MEASURED = "not measured"

Row = tuple[str, str, str, str, str]


def blocks(speeds: Speeds | None) -> Blocks:
    """Return both tables of the newest speeds."""
    return {
        "speeds": "Not measured yet: `make targets` does."
        if speeds is None
        else "\n".join(speeds_lines(speeds))
    }


def speeds_lines(speeds: Speeds) -> list[str]:
    """Return both tables with where, when and by which command they were measured."""
    quiet, busy = speeds.quiet, speeds.busy
    rows = [_bench(quiet.bench, busy.bench), _crossover(quiet.crossover, busy.crossover)]
    rows += [_ratio(quiet, busy, name, most) for name, most in RATIOS.items()]
    rows += [_width(quiet.bench, busy.bench), _gate(quiet, busy)]
    lines = [
        f"`{speeds.command}`, {speeds.when[:10]}, machine {speeds.machine} ({speeds.cpu}, "
        f"{speeds.cores} cores), code of `{speeds.code}`.",
        "",
        *markdown.table(COLUMNS, rows),
    ]
    itself = _against_itself(speeds)
    return [*lines, "", *itself] if itself else lines


def _reached(words: str, met: bool) -> str:
    return words if met else f"{words}: {MISSED}"


def _bench(quiet: Asked | None, busy: Asked | None) -> Row:
    most, most_busy = BENCH_MINUTES
    alone = beside = _NOT_MEASURED
    if quiet is not None:
        alone = _reached(f"{quiet.seconds / 60:.1f} min", quiet.seconds <= 60 * most)
    if busy is not None:
        words, other = f"{busy.seconds / 60:.1f} min", 0
        if quiet is not None:
            questions = len({_asked(answer) for answer in (*busy.answers, *quiet.answers)})
            idle = {_asked(answer): answer.status for answer in quiet.answers}
            decided = [answer for answer in busy.answers if answer.sure]
            other = sum(idle.get(_asked(answer)) != answer.status for answer in decided)
            words += f"; decided {len(decided)} of {questions}"
            words += f", idle {sum(answer.sure for answer in quiet.answers)} of {questions}"
            words += f"; {other} unlike the idle one" if other else ""
        beside = _reached(words, busy.seconds <= 60 * most_busy and not other)
    target = f"≤ {most_busy:g} min, every decided status is the idle one's"
    return "a whole `bench`", f"≤ {most:g} min", alone, target, beside


def _crossover(quiet: Asked | None, busy: Asked | None) -> Row:
    most, most_busy = CROSSOVER_SECONDS
    alone = beside = _NOT_MEASURED
    if quiet is not None:
        alone = _reached(_found(quiet), quiet.seconds <= most)
    if busy is not None:
        agree = quiet is None or _agree(busy.answers, quiet.answers)
        beside = _reached(_found(busy), busy.seconds <= most_busy and agree)
    target = f"≤ {most_busy:g} s, the interval overlaps the idle one's or is undecided"
    what = "`crossover --family mlp-width --pair numpy:torch-cpu`"
    return what, f"≤ {most:g} s", alone, target, beside


def _ratio(quiet: Side, busy: Side, name: str, most: float) -> Row:
    idle, other = (
        median(rounds) if (rounds := (side.ratios or {}).get(name)) else None
        for side in (quiet, busy)
    )
    alone = beside = _NOT_MEASURED
    if idle is not None:
        alone = _reached(digits(idle), idle <= most)
    if other is not None:
        beside = digits(other)
        if idle is not None:
            moved = other / idle - 1
            beside = _reached(f"{beside} ({percent(moved, sign=True)})", abs(moved) <= MOST_MOVED)
    what = f"`{name}` ÷ `numpy-published` on the OR gate"
    return what, f"≤ {most:g}", alone, f"within {percent(MOST_MOVED, 0)} of the idle ratio", beside


def _width(quiet: Asked | None, busy: Asked | None) -> Row:
    """Return the row of widths, both sides at the idle side's sizes.

    Without those that are missing a run that measured less would seem better.
    """
    alone = beside = _NOT_MEASURED
    idle = [] if quiet is None else _widths(quiet, quiet.widths)
    if idle:
        alone = _median_width(idle)
    if busy is not None and (busy.widths or idle):
        widths = _widths(busy, quiet.widths if quiet is not None and idle else busy.widths)
        beside = _median_width(widths)
        if idle and 0 < (middle := median(idle)) < inf:
            factor = log1p(median(widths)) / log1p(middle)
            beside += "" if isinf(factor) else f" ({digits(factor)}×)"
            beside = _reached(beside, factor <= MOST_WIDENED)
    what = "width of the 95% interval of a ratio in `bench`, median over the idle one's sizes"
    return what, "measured first", alone, f"≤ {MOST_WIDENED:g}× the idle one's", beside


def _widths(bench: Asked, sizes: Iterable[Width]) -> list[float]:
    """Return the widths at these sizes; inf where an end is open or nothing measured."""
    known = {(one.family, one.pair, one.size): one.width for one in bench.widths}
    widths = (known.get((one.family, one.pair, one.size)) for one in sizes)
    return [inf if width is None else width for width in widths]


def _median_width(widths: list[float]) -> str:
    middle, unknown = median(widths), sum(map(isinf, widths))
    words = "open" if isinf(middle) else percent(middle)
    sizes = f"{len(widths)} size{'' if len(widths) == 1 else 's'}"
    return f"{words}, {sizes}" + (f", {unknown} open" if unknown else "")


def _gate(quiet: Side, busy: Side) -> Row:
    alone, beside = (
        _NOT_MEASURED
        if side.gate is None
        else _reached(f"{digits(middle := median(side.gate.seconds))} s", middle <= most)
        for side, most in zip((quiet, busy), GATE_SECONDS, strict=True)
    )
    targets = [f"≤ {most:g} s" for most in GATE_SECONDS]
    what = "a whole A/A run of the gate on the short suite, median"
    return what, targets[0], alone, targets[1], beside


def _asked(answer: Answer) -> tuple[str, str]:
    return answer.family, answer.pair


def _found(search: Asked) -> str:
    return "; ".join([f"{digits(search.seconds)} s", *map(_told, search.answers)])


def _told(answer: Answer) -> str:
    if answer.size is None:
        words = answer.status
    else:
        ends = ("…" if end is None else digits(end) for end in (answer.low, answer.high))
        words = f"{digits(answer.size)} [{', '.join(ends)}]"
    return words if answer.sure or words == "undecided" else f"{words}, undecided"


def _agree(answers: list[Answer], quiet: list[Answer]) -> bool:
    """Return whether each answer is undecided, or overlaps the idle one; without one it is new."""
    idle = {_asked(answer): answer for answer in quiet}
    return all(
        not answer.sure or (_asked(answer) in idle and _overlap(answer, idle[_asked(answer)]))
        for answer in answers
    )


def _overlap(answer: Answer, other: Answer) -> bool:
    """Return whether two intervals overlap, an open end being none, or without them the status."""
    if answer.size is None or other.size is None:
        return answer.status == other.status
    return (answer.low or -inf) <= (other.high or inf) and (other.low or -inf) <= (
        answer.high or inf
    )


def _against_itself(speeds: Speeds) -> list[str]:
    sides = [
        {ratios.backend: ratios for ratios in side.alike or []}
        for side in (speeds.quiet, speeds.busy)
    ]
    rows = []
    for backend, ratios in {**sides[1], **sides[0]}.items():
        threads = f"{ratios.threads} thread{'s' if ratios.threads > 1 else ''}"
        cells = [cell for side in sides for cell in _itself_cells(side.get(backend))]
        rows.append((f"`{backend}`, {threads}", *cells))
    return markdown.table(ITSELF_COLUMNS, rows) if rows else []


def _itself_cells(ratios: SelfRatios | None) -> tuple[str, str, str]:
    if ratios is None:
        return _NOT_MEASURED, NONE, NONE
    lost = sum(
        not has_time(row) for round_ in ratios.rounds for row in (*round_.first, *round_.second)
    )
    points = [point for round_ in ratios.rounds for point in _points(round_)]
    told = [point for point in points if not point.says_nothing]
    usable = [point for point in told if isfinite(point.reach(CONFIDENCE))]
    missing = f", {count(lost)} without a time" if lost else ""
    if len(told) < len(points):
        missing += f", {count(len(points) - len(told))} too contended to judge"
    if not usable:
        return f"no interval{missing}", NONE, NONE
    ends = [point.interval(CONFIDENCE) for point in usable]
    hold = sum(low <= 0.0 <= high for low, high in ends)
    return (
        f"{hold} of {len(usable)}{missing}",
        digits(exp(median(point.mean for point in usable)), 4),
        percent(expm1(median(high - low for low, high in ends))),
    )


def _points(round_: SelfRound) -> list[Point]:
    """Return the points of all families: sizes of one lend each other what processes vary by."""
    families = sorted({row.family for row in round_.first})
    return [
        point
        for family in families
        for point in points_of(_by_size(round_.first, family), _by_size(round_.second, family))
    ]


def _by_size(rows: Iterable[Measurement], family: str) -> dict[float, list[Measurement]]:
    by_size: dict[float, list[Measurement]] = {}
    for row in rows:
        if row.family == family and has_time(row):
            by_size.setdefault(row.size, []).append(row)
    return by_size
