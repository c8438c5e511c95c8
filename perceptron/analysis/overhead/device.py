"""The costs of a device around the iterations, and the energy of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from perceptron.analysis.device_share import is_beside_host
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import NOT_REACHED
from perceptron.records.measurement import DEVICE, ENERGY, Measurement

# Parts of which the size is bytes that are copied.
_COPIES = ("host to device", "device to host")
NO_COUNTER = "a CPU's energy is not counted"


class DevicePart(Struct, frozen=True, kw_only=True):
    """One part of a device's work around the iterations, measured by itself.

    ``bytes_per_second`` is the rate of a copy. A backend without any measured part has
    one without a time, and the ``reason``.
    """

    backend: str
    device: str | None
    name: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    bytes_per_second: float | None = None
    processes: int = 0
    reason: str | None = None


class Energy(Struct, frozen=True):
    """Joules of one iteration by the device's own counter, or why they are unknown."""

    joules: float | None
    reason: str | None


def device_parts(rows: Iterable[Measurement]) -> list[DevicePart]:
    """Return the parts by backend, in the order in which they were measured."""
    groups: dict[tuple[str, str | None, str], list[Measurement]] = {}
    for row in rows:
        if row.family == DEVICE and row.phase:
            groups.setdefault((row.backend, row.device, row.phase), []).append(row)
    return [_part(*key, own) for key, own in groups.items()]


def _part(backend: str, device: str | None, name: str, rows: list[Measurement]) -> DevicePart:
    measured = [row for row in rows if row.status == "ok" and row.seconds]
    if not measured:
        reason = next((row.reason for row in rows if row.reason), NOT_REACHED)
        return DevicePart(backend=backend, device=device, name=name, reason=reason)
    taken = of_times([row.seconds for row in measured if row.seconds])
    return DevicePart(
        backend=backend,
        device=device,
        name=name,
        seconds=taken.estimate,
        low=taken.low,
        high=taken.high,
        bytes_per_second=measured[0].size / taken.estimate if name in _COPIES else None,
        processes=len(measured),
    )


def energy(rows: Sequence[Measurement], backend: str, device: str | None) -> Energy:
    """Return the energy of one iteration of a backend on this device."""
    if not is_beside_host(device):
        return Energy(None, NO_COUNTER)
    own = [row for row in rows if row.family == ENERGY and row.backend == backend]
    joules = [row.energy_joules for row in own if row.energy_joules]
    if joules:
        return Energy(of_times(joules).estimate, None)
    return Energy(None, next((row.reason for row in own if row.reason), NOT_REACHED))
