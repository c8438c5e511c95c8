"""The device's own share of an iteration's time: whether launches take the rest."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from perceptron.analysis.interval import Interval, of_ratio, of_times
from perceptron.analysis.select import has_time
from perceptron.numbers import rough_percent, rough_percent_interval
from perceptron.records.measurement import Measurement

# A device with a smaller busy share waits for launches more than it works.
_LAUNCH_BOUND = 0.5
HOST = "cpu"
"""The device of rows that were measured on the host."""


def is_beside_host(device: str | None) -> bool:
    """Return whether this is a device beside the host; None is not."""
    return device not in (HOST, None)


class DeviceShare(Struct, frozen=True):
    """The device's own seconds per iteration, and their share of the time, over processes."""

    seconds: Interval
    busy: Interval

    @property
    def launch_bound(self) -> bool:
        """Whether most of the time is launching, not computing."""
        return is_launch_bound(self.busy.estimate)


def is_launch_bound(busy: float) -> bool:
    """Return whether a device with this busy share waits for launches most of the time."""
    return busy < _LAUNCH_BOUND


def busy_share(row: Measurement) -> float | None:
    """Return the share of this row's time in which its device is busy; None if unknown."""
    if not has_time(row) or not row.seconds or not row.device_seconds:
        return None
    return row.device_seconds / row.seconds


def device_share(rows: Iterable[Measurement]) -> DeviceShare | None:
    """Return the share over rows of one backend on one problem, a row for each process.

    None where no row has the device's own seconds.
    """
    known = [row for row in rows if busy_share(row) is not None]
    if not known:
        return None
    own = [row.device_seconds or 0.0 for row in known]
    wall = [row.seconds or 0.0 for row in known]
    return DeviceShare(of_times(own), of_ratio(own, wall))


def busy_cell(share: DeviceShare) -> str:
    """Return the device's busy share, and whether the iteration is launch-bound."""
    busy = share.busy
    words = rough_percent_interval(busy.estimate, busy.low, busy.high)
    return f"{words}, launch-bound" if share.launch_bound else words


def busy_words(share: float | None) -> str:
    """Return the device's busy share after a comma; empty if unknown."""
    return "" if share is None else f", device busy {rough_percent(share)}"
