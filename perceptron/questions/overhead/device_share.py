"""Devices beside the host: which trained, their busy time, and whether launches dominate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.numbers import Quantity, rough_percent
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import Interval, of_ratio, of_times
from perceptron.statistics.select import has_time

# A device with a smaller busy share mostly waits for launches.
_LAUNCH_BOUND = 0.5
HOST = "cpu"
"""The device of rows that were measured on the host."""
CPU = "CPU"


def is_beside_host(device: str | None) -> bool:
    """Return whether ``device`` is one beside the host; False for None."""
    return device not in (HOST, None)


def is_launch_bound(busy: float) -> bool:
    """Return whether a device with this busy share waits for launches most of the time."""
    return busy < _LAUNCH_BOUND


def _timed_by_device(rows: Iterable[Measurement]) -> list[Measurement]:
    return [row for row in rows if row.device_seconds and has_time(row)]


def device_seconds(rows: Iterable[Measurement]) -> Interval | None:
    """Return the seconds per iteration by the device's clock, over processes; None if unknown."""
    seconds = [row.device_seconds or 0.0 for row in _timed_by_device(rows)]
    return of_times(seconds) if seconds else None


def busy_share(rows: Iterable[Measurement]) -> Interval | None:
    """Return the device's busy seconds as a share of the time; None if unknown."""
    timed = _timed_by_device(rows)
    busy = [row.device_seconds or 0.0 for row in timed]
    return of_ratio(busy, [row.seconds or 0.0 for row in timed]) if timed else None


def busy_cell(busy: Interval) -> Quantity:
    """Return the cell of a device's busy share, marked if the iteration is launch-bound."""
    after = ", launch-bound" if is_launch_bound(busy.estimate) else ""
    return Quantity(busy.estimate, "%", busy.ends, after=after)


def busy_words(share: float | None) -> str:
    """Return the device's busy share after a comma; empty if unknown."""
    return "" if share is None else f", device busy {rough_percent(share)}"


def kind_of_hardware(rows: Sequence[Measurement], environment: Environment) -> str:
    """Return `CPU`, or the name of the GPU that has times in these rows of one run."""
    trained = list(on_devices(rows))
    if not trained:
        return CPU
    # The GPU of the measurement; if not recorded, the machine's first one, which backends use.
    names = [row.gpu.name for row in trained if row.gpu is not None]
    names += [gpu.name for gpu in environment.gpus]
    return next((name for name in names if name.strip()), trained[0].device or CPU)


def on_devices(rows: Iterable[Measurement]) -> Iterable[Measurement]:
    """Return the timed rows of devices other than the CPU."""
    return (row for row in rows if is_beside_host(row.device) and has_time(row))
