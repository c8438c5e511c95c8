"""How fast GPUs were clocked while rows were measured, and what kept them down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from perceptron.analysis.trust import SMALLEST_GPU_CLOCK_SHARE
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import shortened

SLOWED, LOCKED = "gpu-clock", "gpu-locked"
"""The codes of the warnings."""
_LONGEST_NAME = 40
# What a lock lowers is said once, as a lock.
_BY_LOCK = "application clocks"


def gpu_warnings(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return what the GPUs' own state, read while each row was measured, says of these rows.

    A clock that was lowered is warned of. One that somebody fixed is only said: the times are
    those of that clock, which may be what was meant.
    """
    states: dict[str, list[GpuState]] = {}
    for row in rows:
        if row.status == "ok" and row.gpu is not None:
            states.setdefault(row.gpu.name, []).append(row.gpu)
    warnings = []
    for name, own in states.items():
        shown = shortened(name, _LONGEST_NAME)  # a stored file is as untrusted as a driver
        warnings += [*_slowed(shown, own), *_locked(shown, own)]
    return warnings


def _slowed(name: str, states: Sequence[GpuState]) -> list[MeasurementWarning]:
    slow = [state for state in states if _is_slowed(state)]
    if not slow:
        return []
    reasons = dict.fromkeys(
        shortened(reason, _LONGEST_NAME) for state in slow for reason in slowed_by(state)
    )
    return [
        MeasurementWarning(
            code=SLOWED,
            message=f"the GPU ({name}) ran at {_clocks(slow)} in {_count(slow, states)}, kept down "
            f"by {', '.join(reasons) or 'something its driver does not name'}",
            advice="end what else runs on it and let it cool down; under a power cap a large "
            "product takes all it gets, and a row that is to be compared needs the same cap",
        )
    ]


def _locked(name: str, states: Sequence[GpuState]) -> list[MeasurementWarning]:
    locked = [state for state in states if state.locked]
    if not locked:
        return []
    return [
        MeasurementWarning(
            code=LOCKED,
            message=f"the clock of the GPU ({name}) is locked, at {_clocks(locked)} in "
            f"{_count(locked, states)}: these are times of that clock",
            advice="nothing is wrong if that was meant; nvidia-smi --reset-gpu-clocks and "
            "--reset-applications-clocks free it",
        )
    ]


def _is_slowed(state: GpuState) -> bool:
    """Return whether the clock of a GPU at work was lowered by anything but a lock."""
    if slowed_by(state):
        return True
    return (
        state.idle is False
        and not state.locked
        and state.sm_mhz is not None
        and state.max_sm_mhz is not None
        and state.sm_mhz < SMALLEST_GPU_CLOCK_SHARE * state.max_sm_mhz
    )


def slowed_by(state: GpuState) -> list[str]:
    """Return what lowered this clock, without what a lock says of itself."""
    return [reason for reason in state.slowed_by or [] if not (state.locked and reason == _BY_LOCK)]


def _clocks(states: Sequence[GpuState]) -> str:
    """Return the usual clock of those that are known, and the highest it could be."""
    now = [state.sm_mhz for state in states if state.sm_mhz is not None]
    most = [state.max_sm_mhz for state in states if state.max_sm_mhz is not None]
    return (
        " of ".join(f"{median(clocks):,.0f}" if clocks else "unknown" for clocks in (now, most))
        + " MHz"
    )


def _count(some: Sequence[GpuState], states: Sequence[GpuState]) -> str:
    return f"{len(some):,} of {len(states):,} rows"
