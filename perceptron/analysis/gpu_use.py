"""In which state the GPUs were while rows were measured: clocks, limits, heat, what slowed them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from perceptron.analysis.gpu_clock import slowed_by
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement


class Span(Struct, frozen=True):
    """The lowest and the highest of some values."""

    low: float
    high: float


class GpuUse(Struct, frozen=True, kw_only=True):
    """A GPU's states while some rows were measured. None is *not known*."""

    name: str
    rows: int
    """With a state of this GPU."""
    sm_mhz: Span | None
    max_sm_mhz: int | None
    power_limit_watts: Span | None
    temperature_celsius: Span | None
    locked: bool | None
    """Whether somebody fixed the clock, at any of the rows."""
    slowed_rows: int
    """Of which the driver said that something but a lock kept the clock down."""
    slowed_by: list[str]


def gpu_use(rows: Iterable[Measurement]) -> list[GpuUse]:
    """Return the use of each GPU that the rows name, in the order of its first row."""
    states: dict[str, list[GpuState]] = {}
    for row in rows:
        if row.gpu is not None:
            states.setdefault(row.gpu.name, []).append(row.gpu)
    return [_use(name, own) for name, own in states.items()]


def _use(name: str, states: list[GpuState]) -> GpuUse:
    locked = {state.locked for state in states}
    return GpuUse(
        name=name,
        rows=len(states),
        sm_mhz=_span(state.sm_mhz for state in states),
        max_sm_mhz=max((state.max_sm_mhz for state in states if state.max_sm_mhz), default=None),
        power_limit_watts=_span(state.power_limit_watts for state in states),
        temperature_celsius=_span(state.temperature_celsius for state in states),
        # One row with a locked clock is enough to say so; free are only clocks known to be.
        locked=True if True in locked else None if None in locked else False,
        slowed_rows=sum(bool(slowed_by(state)) for state in states),
        slowed_by=sorted({words for state in states for words in slowed_by(state)}),
    )


def _span(values: Iterable[float | None]) -> Span | None:
    known = [value for value in values if value is not None]
    return Span(min(known), max(known)) if known else None
