"""How far the samples of rows were disturbed: their threads were ready and had no core."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

from perceptron.analysis.disturbed import disturbed_samples, is_disturbed
from perceptron.numbers import NONE, rough_percent
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.waiting import LARGEST_WAITED_SHARE

DISTURBED = "disturbed"
"""The code of the warning, and the heading of its column."""
Key = TypeVar("Key", bound=Hashable)
# Taken again, they cost a tenth of the time and nothing else.
LARGEST_DISTURBED_SHARE = 0.1
# One in twenty: where eight processes give a number, the slowest of them does not count.
LARGEST_WAITED_ROWS = 0.05


class Disturbance(Struct, frozen=True, kw_only=True):
    """Of rows whose waiting is known: their samples, and what waiting did to them."""

    samples: int = 0
    """Taken, those that were dropped among them."""
    disturbed: int = 0
    """Samples whose threads waited: dropped, or counted where nothing better was to be had."""
    times: int = 0
    """Rows with a time."""
    waited: int = 0
    """Rows whose time rests on samples that waited all the same."""

    @property
    def share(self) -> float:
        """The share of the samples that were disturbed, 0 without any."""
        return self.disturbed / self.samples if self.samples else 0.0

    def __add__(self, other: Disturbance) -> Disturbance:
        return Disturbance(
            samples=self.samples + other.samples,
            disturbed=self.disturbed + other.disturbed,
            times=self.times + other.times,
            waited=self.waited + other.waited,
        )


def disturbance(rows: Iterable[Measurement]) -> Disturbance:
    """Add up what waiting did to these rows; what does not say so counts nothing."""
    known = [row for row in rows if row.status == "ok" and row.waited is not None]
    disturbed, samples = disturbed_samples(known)
    return Disturbance(
        samples=samples,
        disturbed=disturbed,
        times=len(known),
        waited=sum(map(is_disturbed, known)),
    )


def disturbance_warnings(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return a warning if much was disturbed, or if times rest on samples that waited."""
    total = disturbance(rows)
    few = total.waited <= LARGEST_WAITED_ROWS * total.times
    if few and total.share <= LARGEST_DISTURBED_SHARE:
        return []
    message = (
        f"{100 * total.share:.0f} % of the samples were disturbed: their threads had to wait for "
        "a core"
    )
    if few:
        advice = (
            "they were taken again and the times stand; to get them sooner, end what else is "
            "running, or run again with --wait, which waits for quiet"
        )
    else:
        advice = "end what else is running, or run again with --wait, which waits for quiet"
    if total.waited:
        message += (
            f"; {total.waited:,} of {total.times:,} times rest on samples that waited more than "
            f"{100 * LARGEST_WAITED_SHARE:.0f} % all the same"
        )
    return [MeasurementWarning(code=DISTURBED, message=message, advice=advice)]


def with_disturbed(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    disturbances: Iterable[Disturbance],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table with one more column if any of its rows was disturbed, else as it is.

    ``disturbances`` are of its rows, in their order.
    """
    table, disturbances = [tuple(row) for row in rows], list(disturbances)
    if not any(each.disturbed or each.waited for each in disturbances):
        return tuple(columns), table
    cells = zip(table, map(disturbed, disturbances), strict=True)
    return (*columns, DISTURBED), [(*row, cell) for row, cell in cells]


def disturbed(of: Disturbance) -> str:
    """Return ``12 % of samples, 3 of 8 times waited``, or a dash where nothing is known."""
    if not of.times:
        return NONE
    share = f"{rough_percent(of.share) if of.disturbed else '0 %'} of samples"
    return f"{share}, {of.waited} of {of.times} times waited" if of.waited else share


def by_key(
    rows: Iterable[Measurement], key: Callable[[Measurement], Key]
) -> dict[Key, Disturbance]:
    """Add up the disturbance of whole iterations by a key."""
    groups: dict[Key, list[Measurement]] = {}
    for row in rows:
        if row.phase is None:
            groups.setdefault(key(row), []).append(row)
    return {name: disturbance(members) for name, members in groups.items()}
