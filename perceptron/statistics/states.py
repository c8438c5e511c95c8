"""Two states of a machine, seen in times that split into two groups.

If a processor is throttled for minutes, or two threads share a core, repeats of one backend at one
size take one of two times, and their mean is neither. No decision may depend on the number of
repeats in each state: see `interval.mean_ratio`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, log
from operator import attrgetter
from statistics import fmean
from typing import NamedTuple

from perceptron.numbers import enumerated
from perceptron.options import again_when_idle
from perceptron.records.comparison_key import COMPARISON_FIELDS
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.select import State, has_time, is_of_suite
from perceptron.statistics.sizes import number

TWO_STATES = "two-states"
"""The code of the warning."""

# One slow repeat is a burst of other load, not a state: trimming and a wider interval cover it.
_SMALLEST = 2
# Noise splits fewer repeats too often.
_FEWEST = 6
# The groups must lie apart by a factor, and by a multiple of the widths of both together. Eight
# values that vary by 10% split by chance in 2 of 10,000 cases if they are normal, in 4 with
# Student's t of 3 degrees, in 35 if they are exponential; six values need a wider gap. Chosen on
# 1,000 simulated families: none of the 651 with recorded repeats of one state splits, and 18 of the
# others do, all of them with recorded repeats of states a third apart.
_FACTOR = log(1.25)
_WIDTHS, _ENOUGH, _WIDTHS_OF_FEW = 2.0, 8, 5.0


class TwoStates(NamedTuple):
    """Two groups of values, by their indices in ascending order."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]
    factor: float
    """The typical value of the upper group over that of the lower one."""

    @property
    def smaller_first(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Both groups, the one with fewer values first."""
        ascending = sorted((self.upper, self.lower), key=len)
        return ascending[0], ascending[1]


def two_states(logarithms: Sequence[float]) -> TwoStates | None:
    """Split logarithms of times into two groups; None if they form one.

    >>> two_states([log(us) for us in (128, 79, 78, 74, 72, 120, 76, 81)])[:2]
    ((1, 2, 3, 4, 6, 7), (0, 5))
    """
    count = len(logarithms)
    if count < _FEWEST:
        return None
    order = sorted(range(count), key=logarithms.__getitem__)
    ascending = [logarithms[index] for index in order]
    gaps = [right - left for left, right in pairwise(ascending)]
    cut = max(range(_SMALLEST - 1, count - _SMALLEST), key=gaps.__getitem__)
    gap = gaps[cut]
    widths = ascending[-1] - ascending[0] - gap
    if gap < max(_FACTOR, (_WIDTHS if count >= _ENOUGH else _WIDTHS_OF_FEW) * widths):
        return None
    lower, upper = order[: cut + 1], order[cut + 1 :]
    middles = [fmean(logarithms[index] for index in group) for group in (lower, upper)]
    return TwoStates(tuple(sorted(lower)), tuple(sorted(upper)), exp(middles[1] - middles[0]))


ANCHORS = {"product": "a small product", "memory": "a move in memory", "loop": "a Python loop"}
"""The anchors, which a worker times before its jobs, as text."""


def states_of(rows: Sequence[Measurement]) -> dict[str | None, TwoStates]:
    """Return the two states seen in rows with times, of one backend at one size.

    The key is the anchor that shows them, or None for the times themselves.
    """
    if len(rows) < _FEWEST:  # nearly always there are three
        return {}
    values: dict[str | None, list[float]] = {None: [row.seconds or 0.0 for row in rows]}
    if all(row.anchors for row in rows):
        values |= {name: [(row.anchors or {}).get(name, 0.0) for row in rows] for name in ANCHORS}
    return {
        name: states
        for name, seconds in values.items()
        if min(seconds) > 0 and (states := two_states(list(map(log, seconds)))) is not None
    }


def state_warnings(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return a warning if the repeats of a backend at a size were measured in two states."""
    timed = [row for row in rows if has_time(row) and is_of_suite(row)]
    splits = [
        (name, states, members)
        for members in grouped(timed, _measurement_of).values()
        for name, states in states_of(members).items()
    ]
    if not splits:
        return []
    # Times themselves first: an anchor may split where they do not.
    name, states, members = max(splits, key=lambda split: (split[0] is None, split[1].factor))
    groups = states.smaller_first
    few, many = (_repeats(members[index].repeat for index in group) for group in groups)
    factor = states.factor if groups[0] == states.upper else 1 / states.factor
    job = f"{members[0].backend} at {members[0].problem or _named(members[0])}"
    subject = job if name is None else f"{ANCHORS[name]}, before {job},"
    message = (
        f"two states of the machine: {subject} took {factor:.2f}× as long in {few} as in {many}"
    )
    if others := len({id(rows) for _, _, rows in splits}) - 1:
        message += f"; other measurements with two states: {others}"
    return [
        MeasurementWarning(
            code=TWO_STATES,
            message=message,
            advice=f"only what holds in both states is decided; to know more, {again_when_idle()}",
        )
    ]


_measurement_of = attrgetter(
    "problem", "family", "size", "backend", *COMPARISON_FIELDS, *State._fields
)
"""The fields that repeats of one measurement share."""


def _named(row: Measurement) -> str:
    return f"{row.family}, size {number(row.size)}"


def _repeats(numbers: Iterable[int]) -> str:
    """Return ``repeats 0, 2–5 and 7``."""
    ascending = sorted(numbers)
    stretches: list[list[int]] = []
    for repeat in ascending:
        if stretches and repeat == stretches[-1][-1] + 1:
            stretches[-1].append(repeat)
        else:
            stretches.append([repeat])
    words = [
        word
        for stretch in stretches
        for word in (map(str, stretch) if len(stretch) < 3 else [f"{stretch[0]}–{stretch[-1]}"])
    ]
    return f"repeats {enumerated(words)}"
