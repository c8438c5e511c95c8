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


def is_launch_bound(busy: float) -> bool:
    """Return whether a device with this busy share waits for launches most of the time."""
    return busy < _LAUNCH_BOUND


def device_share(rows: Iterable[Measurement]) -> DeviceShare | None:
    """Return the share over rows of one backend on one problem, a row for each process.

    None where no row has the device's own seconds.
    """
    own = [row for row in rows if has_time(row) and row.device_seconds]
    if not own:
        return None
    busy = [row.device_seconds or 0.0 for row in own]
    return DeviceShare(of_times(busy), of_ratio(busy, [row.seconds or 0.0 for row in own]))


def busy_cell(share: DeviceShare) -> str:
    """Return the device's busy share, and whether the iteration is launch-bound."""
    busy = share.busy
    words = rough_percent_interval(busy.estimate, busy.low, busy.high)
    return f"{words}, launch-bound" if is_launch_bound(busy.estimate) else words


def busy_words(share: float | None) -> str:
    """Return the device's busy share after a comma; empty if unknown."""
    return "" if share is None else f", device busy {rough_percent(share)}"
