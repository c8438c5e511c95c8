"""Why a verdict is what it is: how close a pair comes, where it is not sure, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, hypot

from perceptron.analysis.contention import contended_samples
from perceptron.analysis.crossover.comparable import ComparableRows, described
from perceptron.analysis.crossover.points import Point
from perceptron.analysis.crossover.uncertainty import Uncertainty
from perceptron.analysis.interval import CONFIDENCE, LARGEST_LOG, TIE, quantile
from perceptron.analysis.select import is_own, reason
from perceptron.records.measurement import Measurement

# Of a log-ratio: closer to 0, two times are shown as equal.
_NOTHING = 0.005


def why_undecided(
    points: Sequence[Point],
    rows: Sequence[Measurement],
    remaining: Sequence[Uncertainty],
    known: int,
    comparable: ComparableRows,
    pair: tuple[str, str],
) -> str:
    """Return why no winner is known, or not at enough sizes: it is in ``known`` ranges of them.

    One size decides nothing, whatever it says; what it says is told.
    """
    contended = {point.size for point in points if point.says_nothing and point.taken > 1}
    if contended:
        samples, taken = contended_samples(row for row in rows if row.size in contended)
        why = (
            f"too busy to compare: {100 * samples / max(1, taken):.0f}% of samples contended; "
            "next: --wait or --threads 1"
        )
    elif known:
        why = not_sure(points, rows, remaining) if remaining else ""
    elif any(point.stated is not None for point in points):
        why = f"not sure of {' and '.join(pair)} at any size: their intervals overlap"
    else:
        fewest = min(point.count for point in points)
        few = "one fresh process is" if fewest == 1 else f"{fewest} fresh processes are"
        why = f"{few} too few to be sure of a winner at any size{_contended(rows)}"
    told = _of_one_size(points[0], comparable, pair) if len(points) == 1 else ""
    return "; ".join(filter(None, (told, why)))


def _of_one_size(point: Point, comparable: ComparableRows, pair: tuple[str, str]) -> str:
    """Return the ratio at the only size, and which other commit has more sizes."""
    incumbent, challenger = pair
    takes = f"{challenger} takes {_with_interval(point)} times as long as {incumbent}"
    text = f"measured at size {_size(point)} only, where {takes}"
    better = comparable.more_sizes(incumbent, challenger, 1)
    return f"{text}, more sizes at {described(better)}" if better else text


def closest(points: Sequence[Point], sign: int) -> str:
    """Describe the size at which the loser comes closest to winning, or is ahead by its estimate.

    ``sign`` is that of all sure sizes (see `Point.sign`). Also said is whether the pair is still
    closing there, at the end of the range.
    """
    points = [point for point in points if not point.says_nothing]
    leads = [sign * point.mean for point in points]
    ahead = [index for index, point in enumerate(points) if _may_lose(point, sign)]
    index = min(ahead or range(len(points)), key=leads.__getitem__)
    point = points[index]
    text = f"{_where(point, len(ahead))}: {_with_interval(point)} times the incumbent's time"
    if not ahead and index in (0, len(points) - 1) and len(points) > 1 and leads[index] > 0:
        text += _closing(point, points[1] if index == 0 else points[-2], index == 0)
    return text


def _with_interval(point: Point) -> str:
    """Return the ratio with its interval, which single values without a stated one do not have."""
    if not (point.freedom or point.stated or point.says_nothing):
        return _ratio(point.mean)
    low, high = point.interval(CONFIDENCE)
    return f"{_ratio(point.mean)} [{_ratio(low)}, {_ratio(high)}]"


def _may_lose(point: Point, sign: int) -> bool:
    """Return whether the loser is ahead here by the estimate, and maybe by more than a tie."""
    if sign * point.mean > -_NOTHING:
        return False
    is_known = point.freedom or point.stated is not None
    return max(-sign * end for end in (point.interval() if is_known else (point.mean,))) > TIE


def _where(point: Point, ahead: int) -> str:
    """Name a size: the closest, or of so many at which the loser is ahead the one most so."""
    if not ahead:
        return f"closest at {_size(point)}"
    if ahead == 1:
        return f"the other way at {_size(point)}, not sure"
    return f"the other way at {ahead} sizes, not sure, most at {_size(point)}"


def _ratio(logarithm: float) -> str:
    if abs(logarithm) >= LARGEST_LOG:  # of an interval that is open
        return "∞" if logarithm > 0 else "0"
    value = exp(logarithm)
    return f"{value:.2f}" if 0.1 <= value < 1000 else f"{value:.3g}"


def _closing(last: Point, before: Point, first: bool) -> str:
    """Describe whether the ratio still moves towards 1 at the end of the range."""
    moved = abs(before.mean) - abs(last.mean)
    if moved < 1e-9:  # beyond what rounding does
        return ""
    if last.freedom and moved <= hypot(last.error, before.error) * quantile(
        min(last.freedom, before.freedom), CONFIDENCE
    ):
        return ""
    return f", still closing towards {'smaller' if first else 'larger'} sizes"


def _size(point: Point) -> str:
    is_integer = float(point.size).is_integer()
    return f"{point.size:.0f}" if is_integer else f"{point.size:g}"


def in_doubt(
    points: Sequence[Point], rows: Iterable[Measurement], remaining: Sequence[Uncertainty]
) -> str:
    """Return why an answer is not sure: where another winner may hide, or what is not known."""
    if remaining:
        return not_sure(points, rows, remaining)
    if all(point.freedom for point in points):
        return "not sure by more than ±5 %"
    return "not sure: single values"


def not_sure(
    points: Sequence[Point], rows: Iterable[Measurement], remaining: Sequence[Uncertainty]
) -> str:
    """Return at which sizes, and between which, another winner may hide.

    Of rows of ours also what stands behind that: processes, and samples that others contended.
    """
    at = [_size(points[doubt.first]) for doubt in remaining if doubt.first == doubt.last]
    between = [
        f"{_size(points[doubt.first])} and {_size(points[doubt.last])}"
        for doubt in remaining
        if doubt.first != doubt.last
    ]
    parts = [f"at {', '.join(at)}"] if at else []
    parts += [f"between {', '.join(between)}"] if between else []
    inside = [point for doubt in remaining for point in points[doubt.first : doubt.last + 1]]
    return f"not sure {' nor '.join(parts)}{_behind(inside, rows)}"


def _behind(points: Sequence[Point], rows: Iterable[Measurement]) -> str:
    """Return how many processes measured these points, and how contended they were."""
    sizes = {point.size for point in points}
    own = [row for row in rows if row.size in sizes and is_own(row)]
    if not own:
        return ""
    fewest, most = (of(point.count for point in points) for of in (min, max))
    processes = f"{most} process" if most == 1 else f"{most} processes"
    return f": {processes if fewest == most else f'{fewest} to {processes}'}{_contended(own)}"


def _contended(rows: Iterable[Measurement]) -> str:
    """Return the share of samples whose threads waited for a core, if there are any."""
    contended, taken = contended_samples(rows)
    if not contended:
        return ""
    share = contended / taken
    return f", contended {100 * share:.0f} %" if share >= 0.005 else ", contended below 1 %"


def why_not(
    comparable: ComparableRows, rows: Iterable[Measurement], incumbent: str, challenger: str
) -> str:
    """Return why two backends cannot be compared: one has no time, or they share no state."""
    newest = {name: comparable.newest(name) for name in (incumbent, challenger)}
    missing = [name for name, where in newest.items() if where is None]
    if missing:
        reasons = {name: reason(rows, name) for name in missing}
        explained = [f"{name}: {why}" for name, why in reasons.items() if why]
        return "; ".join(explained or [f"{name}: no times" for name in missing])
    one, other = newest.values()
    if one is None or other is None or comparable.are_together(incumbent, challenger):
        return "no size was measured on both"
    return (
        f"never measured together: {incumbent} at {described(one)}, "
        f"{challenger} at {described(other)}"
    )
