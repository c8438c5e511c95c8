"""The ceilings of a device, and which of them limits a backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from perceptron.analysis.contention import UNKNOWN, hidden
from perceptron.analysis.device_share import HOST, is_beside_host, is_launch_bound
from perceptron.records.measurement import CEILING, Measurement

_PRODUCT, _COPY = "product", "copy"
# Below this share of both ceilings neither arithmetic nor memory is what takes the time.
_IDLE = 0.1

# What fits into a CPU's cache is not read from memory; its few operations wait for each other.
_CACHED_BYTES = 2 * 2**20

Bound = Literal["calls", "launches", "latency", "memory", "arithmetic"]


class Ceilings(Struct, frozen=True, kw_only=True):
    """The rates that a device reached in the same run; a CPU with as many threads."""

    device: str | None
    backend: str
    """That measured it: two names where the faster product and copy are of two backends."""
    gflops: float
    gbytes: float

    @property
    def name(self) -> str:
        """The backend that measured it, and the device."""
        return f"{self.backend} ({self.device or 'device not stated'})"


def bound_by(
    gflops: float, gbytes: float, moved: int, limits: Ceilings | None, busy: float | None = None
) -> Bound | None:
    """Return the limit of a rate of ``gflops`` and ``gbytes`` per second; ``moved`` in bytes.

    ``busy`` is the busy share of a device beside the host. None where the limit is unknown: without
    that share a slow rung on such a device waits for launches or for itself.
    """
    if busy is not None and is_launch_bound(busy):
        return "launches"
    if limits is None:
        return None
    arithmetic, memory = gflops / limits.gflops, gbytes / limits.gbytes
    if is_beside_host(limits.device):
        if max(arithmetic, memory) < _IDLE:
            return None if busy is None else "latency"
        cached = memory > 1  # more than a copy reached: not from memory
    else:
        if max(arithmetic, memory) < _IDLE:
            return "calls"
        cached = moved < _CACHED_BYTES  # as a step on a small batch does: no memory is waited for
    if cached:
        return "latency" if arithmetic < _IDLE else "arithmetic"
    return "arithmetic" if arithmetic > memory else "memory"


def ceilings(rows: Iterable[Measurement]) -> list[Ceilings]:
    """Return the rates of the largest product and copy, by device and backend.

    A backend without both is left out, and so are times that waiting for cores makes unknown.
    """
    rates: dict[tuple[str | None, str], dict[str, float]] = {}
    for row in rows:
        if row.family != CEILING or row.phase not in (_PRODUCT, _COPY) or not row.seconds:
            continue
        if hidden([row]) >= UNKNOWN:
            continue
        # The best of the processes: a ceiling is what can be done, not what usually is.
        reached = rates.setdefault((row.device, row.backend), {})
        reached[row.phase] = max(reached.get(row.phase, 0.0), row.size / row.seconds / 1e9)
    return [
        Ceilings(device=device, backend=backend, gflops=both[_PRODUCT], gbytes=both[_COPY])
        for (device, backend), both in rates.items()
        if len(both) == 2
    ]


def roof(limits: Sequence[Ceilings], device: str | None) -> Ceilings | None:
    """Return the best ceilings measured on this device; None without any.

    Never another device's.
    """
    own = [limit for limit in limits if limit.device == device]
    if not own:
        return None
    product = max(own, key=lambda limit: limit.gflops)
    copy = max(own, key=lambda limit: limit.gbytes)
    return Ceilings(
        device=device,
        backend=" and ".join(dict.fromkeys((product.backend, copy.backend))),
        gflops=product.gflops,
        gbytes=copy.gbytes,
    )


def roofs(limits: Sequence[Ceilings]) -> list[Ceilings]:
    """Return the roof of each device, the host's first."""
    devices = sorted(dict.fromkeys(limit.device for limit in limits), key=lambda name: name != HOST)
    return [best for device in devices if (best := roof(limits, device)) is not None]
