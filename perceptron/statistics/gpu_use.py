"""The states of GPUs while rows were measured: clocks, limits, heat, causes of a low clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from perceptron.records.conditions import GpuState
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import shortened

SLOWED, LOCKED = "gpu-slowed", "gpu-locked"
"""The codes of the warnings."""
SMALLEST_CLOCK_SHARE = 0.95
"""Below this share of its clock a GPU at work is slowed: kernel times follow the clock, and a tie
is within 5%."""
# Characters of a name: stored files and drivers are untrusted.
_LONGEST = 40
# A lock has a warning of its own.
_BY_LOCK = "application clocks"


class Span(Struct, frozen=True):
    """The lowest and the highest of some values."""

    low: float
    high: float

    def __str__(self) -> str:
        low, high = (f"{value:,.0f}" for value in (self.low, self.high))
        return low if low == high else f"{low}–{high}"


class GpuUse(Struct, frozen=True, kw_only=True):
    """A GPU's states while rows were measured. None means unknown."""

    name: str
    rows: int
    """Rows with a state of this GPU."""
    sm_mhz: Span | None
    max_sm_mhz: int | None
    power_limit_watts: Span | None
    temperature_celsius: Span | None
    locked: bool | None
    """Whether the clock was locked, at any of the rows."""
    slowed_rows: int
    """Rows with a low clock for another reason than a lock."""
    slowed_by: list[str]
    """The driver's names for these reasons."""


def gpu_use(rows: Iterable[Measurement]) -> list[GpuUse]:
    """Return the use of each GPU that the rows name, in the order of its first row."""
    return [_use(name, states) for name, states in _states(rows).items()]


def gpu_warnings(rows: Iterable[Measurement]) -> Iterator[MeasurementWarning]:
    """Yield warnings of low and of locked clocks, read while each row was measured."""
    for name, states in _states(row for row in rows if row.status == "ok").items():
        gpu = shortened(name, _LONGEST)
        if slow := [state for state in states if is_slowed(state)]:
            cause = clock_reasons(reason for state in slow for reason in slowed_by(state))
            yield MeasurementWarning(
                code=SLOWED,
                message=f"the GPU ({gpu}) ran at {clocks(slow)} in {_count(slow, states)}, {cause}",
                advice="end other programs on it and let it cool down; compare only rows under one "
                "power cap",
            )
        if locked := [state for state in states if state.locked]:
            yield MeasurementWarning(
                code=LOCKED,
                message=f"the clock of the GPU ({gpu}) is locked, at {clocks(locked)} in "
                f"{_count(locked, states)}: the times hold for that clock",
                advice="unless this is meant, free it by nvidia-smi --reset-gpu-clocks and "
                "--reset-applications-clocks",
            )


def _count(selected: Sequence[GpuState], states: Sequence[GpuState]) -> str:
    return f"{len(selected):,} of {len(states):,} rows"


def is_slowed(state: GpuState) -> bool:
    """Return whether the clock of a GPU at work was lowered by anything but a lock."""
    if slowed_by(state):
        return True
    return (
        state.idle is False
        and not state.locked
        and state.sm_mhz is not None
        and state.max_sm_mhz is not None
        and state.sm_mhz < SMALLEST_CLOCK_SHARE * state.max_sm_mhz
    )


def slowed_by(state: GpuState) -> list[str]:
    """Return the driver's reasons for a lowered clock, without a lock."""
    return [reason for reason in state.slowed_by or [] if not (state.locked and reason == _BY_LOCK)]


def clocks(states: Iterable[GpuState]) -> str:
    """Return the clocks in these states as text: ``1,755–1,980 of 1,980 MHz``."""
    states = list(states)
    return _clock_words(_span(state.sm_mhz for state in states), _highest_clock(states))


def _clock_words(sm_mhz: Span | None, max_sm_mhz: int | None) -> str:
    """Return the text of `clocks`, without the highest clock if that is unknown."""
    if sm_mhz is None:
        return "an unknown clock"
    return f"{sm_mhz} MHz" if max_sm_mhz is None else f"{sm_mhz} of {max_sm_mhz:,} MHz"


def clock_reasons(reasons: Iterable[str]) -> str:
    """Return the reasons for a low clock as text: ``lowered by …``."""
    names = ", ".join(shortened(reason, _LONGEST) for reason in dict.fromkeys(reasons))
    return f"lowered by {names or 'a cause that the driver does not name'}"


def state_line(gpu: GpuUse) -> str:
    """Return a line about a GPU: clocks free or locked, power limit, temperature, slowdowns."""
    facts = [
        {
            True: "clocks locked",
            False: "clocks free (not locked)",
            None: "clocks locked or free: unknown",
        }[gpu.locked]
    ]
    if gpu.sm_mhz is not None:
        facts.append(_clock_words(gpu.sm_mhz, gpu.max_sm_mhz))
    if gpu.power_limit_watts is not None:
        facts.append(f"{gpu.power_limit_watts} W limit")
    if gpu.temperature_celsius is not None:
        facts.append(f"{gpu.temperature_celsius} °C")
    if gpu.slowed_rows:
        cause = clock_reasons(gpu.slowed_by)
        facts.append(f"in {gpu.slowed_rows:,} of {gpu.rows:,} rows {cause}")
    return f"{shortened(gpu.name, _LONGEST)}: {', '.join(facts)}; read while it trained."


def _states(rows: Iterable[Measurement]) -> dict[str, list[GpuState]]:
    return grouped((row.gpu for row in rows if row.gpu is not None), lambda gpu: gpu.name)


def _use(name: str, states: list[GpuState]) -> GpuUse:
    locked = {state.locked for state in states}
    return GpuUse(
        name=name,
        rows=len(states),
        sm_mhz=_span(state.sm_mhz for state in states),
        max_sm_mhz=_highest_clock(states),
        power_limit_watts=_span(state.power_limit_watts for state in states),
        temperature_celsius=_span(state.temperature_celsius for state in states),
        # One locked row is enough; False needs every row to be known as free.
        locked=True if True in locked else None if None in locked else False,
        slowed_rows=sum(map(is_slowed, states)),
        slowed_by=sorted({reason for state in states for reason in slowed_by(state)}),
    )


def _span(values: Iterable[float | None]) -> Span | None:
    reported = [value for value in values if value is not None]
    return Span(min(reported), max(reported)) if reported else None


def _highest_clock(states: Iterable[GpuState]) -> int | None:
    return max((state.max_sm_mhz for state in states if state.max_sm_mhz), default=None)
