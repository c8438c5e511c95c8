"""How far the samples of rows were disturbed: their threads were ready and had no core."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.waiting import LARGEST_WAITED_SHARE

DISTURBED = "disturbed"
"""The code of the warning."""
# Taken again, they cost a tenth of the time and nothing else.
LARGEST_DISTURBED_SHARE = 0.1
# One in twenty: where eight processes give a number, the slowest of them does not count.
LARGEST_WAITED_ROWS = 0.05


class Disturbance(Struct, frozen=True, kw_only=True):
    """Of rows whose waiting is known: their samples, and what waiting did to them."""

    samples: int = 0
    """Taken, those that were dropped among them."""
    dropped: int = 0
    """Samples that were disturbed, and taken again as far as that helped."""
    times: int = 0
    """Rows with a time."""
    waited: int = 0
    """Rows whose time rests on samples that waited all the same."""

    @property
    def share(self) -> float:
        """The share of the samples that were disturbed, 0 without any."""
        return self.dropped / self.samples if self.samples else 0.0

    def __add__(self, other: Disturbance) -> Disturbance:
        return Disturbance(
            samples=self.samples + other.samples,
            dropped=self.dropped + other.dropped,
            times=self.times + other.times,
            waited=self.waited + other.waited,
        )


def is_disturbed(row: Measurement) -> bool:
    """Return whether the row's time rests on samples whose threads waited."""
    return row.waited is not None and row.waited > LARGEST_WAITED_SHARE


def disturbance(rows: Iterable[Measurement]) -> Disturbance:
    """Add up what waiting did to these rows; what does not say so counts nothing."""
    samples = dropped = times = waited = 0
    for row in rows:
        if row.status != "ok" or (row.waited is None and row.disturbed is None):
            continue
        samples += len(row.samples) + (row.disturbed or 0)
        dropped += row.disturbed or 0
        times += 1
        waited += is_disturbed(row)
    return Disturbance(samples=samples, dropped=dropped, times=times, waited=waited)


def disturbance_warnings(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return a warning if much was disturbed, or if times rest on samples that waited."""
    total = disturbance(rows)
    few = total.waited <= LARGEST_WAITED_ROWS * total.times
    if few and total.share <= LARGEST_DISTURBED_SHARE:
        return []
    message = (
        f"{100 * total.share:.0f} % of the samples were disturbed and taken again: their threads "
        "had to wait for a core"
    )
    if total.waited:
        message += (
            f"; {total.waited:,} of {total.times:,} times rest on samples that waited more than "
            f"{100 * LARGEST_WAITED_SHARE:.0f} % all the same"
        )
    advice = "end what else is running, or run again with --wait, which waits for quiet"
    if few:
        advice = "the times stand; " + advice.replace("end", "to get them sooner, end", 1)
    return [MeasurementWarning(code=DISTURBED, message=message, advice=advice)]
