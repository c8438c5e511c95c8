"""docs/how-sure.md: the suite's own targets of speed, idle and beside a busy neighbour.

Rows of a backend against itself are judged as those of two backends: by uncontended processes, and
where these are too few by intervals wider by as much as waiting may hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp, expm1, inf, isfinite, isinf, log1p
from statistics import median
from typing import TypeVar

from benchmarks.speeds import (
    Answer,
    BenchSpeed,
    CrossoverSpeed,
    GateSpeed,
    SelfRatios,
    SelfRound,
    Side,
    Speeds,
    Width,
)
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

Part = TypeVar("Part")


def blocks(speeds: Speeds | None) -> Blocks:
    """Return both tables of the newest speeds."""
    return {
        "speeds": "Not measured yet: `make targets` does."
        if speeds is None
        else "\n".join(speeds_lines(speeds))
    }


def speeds_lines(speeds: Speeds) -> list[str]:
    """Return both tables with where, when and by which command they were measured."""
    rows = [_bench(speeds), _crossover(speeds)]
    rows += [_ratio(speeds, name, most) for name, most in RATIOS.items()]
    rows += [_width(speeds), _gate(speeds)]
    lines = [
        f"`{speeds.command}`, {speeds.when[:10]}, machine {speeds.machine} ({speeds.cpu}, "
        f"{speeds.cores} cores), code of `{speeds.code}`.",
        "",
        *markdown.table(COLUMNS, rows),
    ]
    itself = _against_itself(speeds)
    return [*lines, "", *itself] if itself else lines


def _bench(speeds: Speeds) -> tuple[str, ...]:
    quiet, busy = speeds.quiet.bench, speeds.busy.bench
    most, most_busy = BENCH_MINUTES

    def beside(bench: BenchSpeed) -> tuple[str, bool]:
        words, fast = _minutes(bench.seconds, most_busy)
        if quiet is None:
            return words, fast
        questions = len({_asked(answer) for answer in (*bench.answers, *quiet.answers)})
        sure, sure_quiet = _sure(bench), _sure(quiet)
        other = sum(_status_of(answer, quiet.answers) != answer.status for answer in sure)
        words += f"; decided {len(sure)} of {questions}, idle {len(sure_quiet)} of {questions}"
        return words + (f"; {other} unlike the idle one" if other else ""), fast and not other

    return (
        "a whole `bench`",
        f"≤ {most:g} min",
        _cell(quiet, lambda bench: _minutes(bench.seconds, most)),
        f"≤ {most_busy:g} min, every decided status is the idle one's",
        _cell(busy, beside),
    )


def _crossover(speeds: Speeds) -> tuple[str, ...]:
    quiet, busy = speeds.quiet.crossover, speeds.busy.crossover
    most, most_busy = CROSSOVER_SECONDS

    def beside(found: CrossoverSpeed) -> tuple[str, bool]:
        words, fast = _seconds(found.seconds, most_busy)
        words = f"{words}; {'; '.join(map(_found, found.answers))}"
        return words, fast and (quiet is None or _agree(found.answers, quiet.answers))

    def alone(found: CrossoverSpeed) -> tuple[str, bool]:
        words, fast = _seconds(found.seconds, most)
        return f"{words}; {'; '.join(map(_found, found.answers))}", fast

    return (
        "`crossover --family mlp-width --pair numpy:torch-cpu`",
        f"≤ {most:g} s",
        _cell(quiet, alone),
        f"≤ {most_busy:g} s, the interval overlaps the idle one's or is undecided",
        _cell(busy, beside),
    )


def _ratio(speeds: Speeds, name: str, most: float) -> tuple[str, ...]:
    quiet, busy = _median_ratio(speeds.quiet, name), _median_ratio(speeds.busy, name)

    def beside(ratio: float) -> tuple[str, bool]:
        if quiet is None:
            return digits(ratio), True
        moved = ratio / quiet - 1
        return f"{digits(ratio)} ({percent(moved, sign=True)})", abs(moved) <= MOST_MOVED

    return (
        f"`{name}` ÷ `numpy-published` on the OR gate",
        f"≤ {most:g}",
        _cell(quiet, lambda ratio: (digits(ratio), ratio <= most)),
        f"within {percent(MOST_MOVED, 0)} of the idle ratio",
        _cell(busy, beside),
    )


def _width(speeds: Speeds) -> tuple[str, ...]:
    quiet, busy = speeds.quiet.bench, speeds.busy.bench
    middle = None if quiet is None or not quiet.widths else median(_widths(quiet, quiet))

    def alone(bench: BenchSpeed) -> tuple[str, bool]:
        return _median_width(_widths(bench, bench)), True

    def beside(bench: BenchSpeed) -> tuple[str, bool]:
        widths = _widths(bench, quiet if quiet is not None and quiet.widths else bench)
        words = _median_width(widths)
        if not middle or isinf(middle):
            return words, True
        factor = log1p(median(widths)) / log1p(middle)
        return words if isinf(factor) else f"{words} ({digits(factor)}×)", factor <= MOST_WIDENED

    return (
        "width of the 95% interval of a ratio in `bench`, median over the idle one's sizes",
        "measured first",
        _cell(quiet if quiet is not None and quiet.widths else None, alone),
        f"≤ {MOST_WIDENED:g}× the idle one's",
        _cell(busy if busy is not None and (busy.widths or middle) else None, beside),
    )


def _widths(bench: BenchSpeed, sizes: BenchSpeed) -> list[float]:
    """Return the widths at the sizes of ``sizes``; inf where an end is open or nothing measured.

    Without those a run that measured less would seem better.
    """
    known = {_at(width): width.width for width in bench.widths}
    widths = (known.get(_at(width)) for width in sizes.widths)
    return [inf if width is None else width for width in widths]


def _at(width: Width) -> tuple[str, str, float]:
    return width.family, width.pair, width.size


def _median_width(widths: list[float]) -> str:
    middle, unknown = median(widths), sum(map(isinf, widths))
    words = "open" if isinf(middle) else percent(middle)
    sizes = f"{len(widths)} size{'' if len(widths) == 1 else 's'}"
    return f"{words}, {sizes}" + (f", {unknown} open" if unknown else "")


def _gate(speeds: Speeds) -> tuple[str, ...]:
    def side(most: float) -> Callable[[GateSpeed], tuple[str, bool]]:
        return lambda gate: _seconds(median(gate.seconds), most)

    most, most_busy = GATE_SECONDS
    return (
        "a whole A/A run of the gate on the short suite, median",
        f"≤ {most:g} s",
        _cell(speeds.quiet.gate, side(most)),
        f"≤ {most_busy:g} s",
        _cell(speeds.busy.gate, side(most_busy)),
    )


def _cell(part: Part | None, read: Callable[[Part], tuple[str, bool]]) -> str:
    """Return the value that was reached, marked where it misses the target."""
    if part is None:
        return "not measured"
    words, met = read(part)
    return words if met else f"{words}: {MISSED}"


def _minutes(seconds: float, most: float) -> tuple[str, bool]:
    return f"{seconds / 60:.1f} min", seconds <= 60 * most


def _seconds(seconds: float, most: float) -> tuple[str, bool]:
    return f"{digits(seconds)} s", seconds <= most


def _sure(bench: BenchSpeed) -> list[Answer]:
    return [answer for answer in bench.answers if answer.sure]


def _status_of(answer: Answer, answers: list[Answer]) -> str | None:
    same = (other for other in answers if _asked(other) == _asked(answer))
    return next((other.status for other in same), None)


def _asked(answer: Answer) -> tuple[str, str]:
    return answer.family, answer.pair


def _found(answer: Answer) -> str:
    if answer.size is None:
        words = answer.status
    else:
        ends = ("…" if end is None else digits(end) for end in (answer.low, answer.high))
        words = f"{digits(answer.size)} [{', '.join(ends)}]"
    return words if answer.sure or words == "undecided" else f"{words}, undecided"


def _agree(answers: list[Answer], quiet: list[Answer]) -> bool:
    """Return whether each answer is undecided, or overlaps the idle one; without one it is new."""
    by_question = {_asked(answer): answer for answer in quiet}
    return all(
        not answer.sure
        or (_asked(answer) in by_question and _overlap(answer, by_question[_asked(answer)]))
        for answer in answers
    )


def _overlap(answer: Answer, other: Answer) -> bool:
    if answer.size is None or other.size is None:
        return answer.status == other.status
    low, high = _ends(answer)
    other_low, other_high = _ends(other)
    return low <= other_high and other_low <= high


def _ends(answer: Answer) -> tuple[float, float]:
    """Return the ends of an interval; an open one has no end."""
    low = float("-inf") if answer.low is None else answer.low
    return low, float("inf") if answer.high is None else answer.high


def _median_ratio(side: Side, name: str) -> float | None:
    rounds = (side.ratios or {}).get(name)
    return median(rounds) if rounds else None


def _against_itself(speeds: Speeds) -> list[str]:
    """Return a table with a line for each backend; nothing where none was measured."""
    both = [*(speeds.quiet.alike or []), *(speeds.busy.alike or [])]
    backends = dict.fromkeys(ratios.backend for ratios in both)
    rows = [_itself(speeds, backend) for backend in backends]
    return markdown.table(ITSELF_COLUMNS, rows) if rows else []


def _itself(speeds: Speeds, backend: str) -> tuple[str, ...]:
    sides = (_itself_of(speeds.quiet, backend), _itself_of(speeds.busy, backend))
    threads = next(ratios.threads for ratios in sides if ratios is not None)
    plural = "s" if threads > 1 else ""
    cells = [cell for ratios in sides for cell in _itself_cells(ratios)]
    return (f"`{backend}`, {threads} thread{plural}", *cells)


def _itself_of(side: Side, backend: str) -> SelfRatios | None:
    return next((ratios for ratios in side.alike or [] if ratios.backend == backend), None)


def _itself_cells(ratios: SelfRatios | None) -> tuple[str, str, str]:
    if ratios is None:
        return "not measured", NONE, NONE
    lost = sum(map(_lost, ratios.rounds))
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


def _lost(round_: SelfRound) -> int:
    return sum(not has_time(row) for row in (*round_.first, *round_.second))
