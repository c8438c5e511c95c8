"""Which backend trains a shape fastest, how long that takes, and how sure it is.

Plain Python on records: a program that asks once waits for no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, inf, log, sqrt
from typing import Literal

from msgspec import Struct

from perceptron.analysis.cost_curve import CostCurve
from perceptron.analysis.work import NO_TIME, MeasuredWork, Work

Source = Literal["measured", "estimated", "unknown"]

ALIKE = 1.1
"""Times that differ by no more than this factor are not told apart."""
NEAR = 3.0
"""Distance up to which a measured shape is near, see `Estimate.distance`."""
# Of a time that one process measured: how far another one may be off, at 95 %.
_ONE_PROCESS = 1.1
# Standard deviations of an interval of 95 %, and those beyond which a difference is sure.
_NORMAL = 1.96
_SURE = 1.64
NOT_KNOWN = "not measured on this machine, and nothing near it"


class BackendHere(Struct, frozen=True, kw_only=True):
    """A backend that may be advised, on this machine."""

    name: str
    device: str
    unavailable: str | None = None
    """Why it cannot run here, in one line; None if it can."""


class Candidate(Struct, frozen=True, kw_only=True):
    """One backend that was asked about; without a time it has a ``reason``.

    ``seconds`` are those of the whole training, preparing included, ``low`` and ``high`` their
    interval at about 95 %.
    """

    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    source: Source = "unknown"
    reason: str | None = None
    """Why there is no time; of an estimate, how far from a measured shape it is."""


class Advice(Struct, frozen=True, kw_only=True):
    """The fastest backend for a training, as `perceptron.fastest` answers.

    ``seconds`` are those of the whole training, with their interval; None where nothing is known.
    """

    backend: str
    device: str
    seconds: float | None
    low: float | None
    high: float | None
    why: str
    """One sentence; it says where the times are estimated, and where the pick is not sure."""
    sure: bool
    """False where another backend is within 10 %, or may as well be the fastest."""
    source: Source
    """``estimated`` if the time of the pick or of one that may be as fast is."""
    measured: str | None
    """When the newest measurement behind it was made: UTC, ISO 8601."""
    stale: str | None
    """Which libraries changed since then, in one line; None if none did."""
    candidates: tuple[Candidate, ...]
    """All that were asked about, the fastest first."""


def candidates(
    work: Work,
    iterations: int,
    backends: Sequence[BackendHere],
    rows: Iterable[MeasuredWork],
    curves: Mapping[str, CostCurve],
) -> list[Candidate]:
    """Return what is known of each backend's whole training, of so many iterations.

    A row of this very shape is an answer, the newest of several; else the backend's curve is, as
    an estimate. ``rows`` and ``curves`` are of one machine, dtype and number of threads.
    """
    rows = list(rows)
    return [_candidate(work, iterations, backend, rows, curves) for backend in backends]


def _candidate(
    work: Work,
    iterations: int,
    backend: BackendHere,
    rows: Sequence[MeasuredWork],
    curves: Mapping[str, CostCurve],
) -> Candidate:
    name, device = backend.name, backend.device
    if backend.unavailable is not None:
        return Candidate(backend=name, device=device, reason=backend.unavailable)
    row = row_of(work, name, rows)
    if row is not None:
        return _measured(row, iterations)
    curve = curves.get(name)
    if curve is None or work.shape.kind not in curve.kinds:
        return Candidate(backend=name, device=device, reason=NOT_KNOWN)
    once, each = curve.prepare_seconds(work), curve.seconds(work)
    return Candidate(
        backend=name,
        device=device,
        seconds=once.seconds + iterations * each.seconds,
        low=once.low + iterations * each.low,
        high=once.high + iterations * each.high,
        source="estimated",
        reason=f"the nearest shape measured is a factor of {exp(min(each.distance, 20)):.2g} away"
        if each.distance > NEAR
        else None,
    )


def row_of(work: Work, backend: str, rows: Iterable[MeasuredWork]) -> MeasuredWork | None:
    """Return the newest row of this shape, or of a kind that the backend refuses; None if none."""
    kind, newest = work.shape.kind, None
    for row in rows:
        if row.backend != backend:
            continue
        answers = row.work.shape == work.shape or (row.refused and row.work.shape.kind == kind)
        if answers and (newest is None or row.when >= newest.when):
            newest = row
    return newest


def _measured(row: MeasuredWork, iterations: int) -> Candidate:
    if row.seconds is None:
        return Candidate(backend=row.backend, device=row.device, reason=row.reason or NOT_KNOWN)
    low = row.seconds / _ONE_PROCESS if row.low is None else row.low
    high = row.seconds * _ONE_PROCESS if row.high is None else row.high
    once = row.prepare_seconds
    return Candidate(
        backend=row.backend,
        device=row.device,
        seconds=once + iterations * row.seconds,
        low=once / _ONE_PROCESS + iterations * low,
        high=once * _ONE_PROCESS + iterations * high,
        source="measured",
    )


def contenders(found: Iterable[Candidate]) -> list[Candidate]:
    """Return the fastest and those that may be as fast, the fastest first."""
    timed = sorted((one for one in found if one.seconds), key=_seconds)
    return [one for one in timed if one is timed[0] or not _surely_faster(timed[0], one)]


def is_enough(found: Sequence[Candidate]) -> bool:
    """Return whether measuring would tell no more: all is known of who may be the fastest.

    That is so if each of them was measured, or a shape near this one was, and every other backend
    that can run has a time or a reason for having none.
    """
    unknown = any(one.reason == NOT_KNOWN for one in found)
    far = any(one.reason is not None for one in contenders(found))
    return not unknown and not far


def choose(
    found: Sequence[Candidate], measured: str | None = None, stale: str | None = None
) -> Advice:
    """Return the fastest of the candidates; without any time the first that can run.

    Raises ValueError without a candidate.
    """
    if not found:
        raise ValueError("no candidates to choose from")
    ordered = sorted(found, key=_seconds)
    may_be = contenders(found)
    unknown = [one for one in found if one.reason in (NOT_KNOWN, NO_TIME)]
    best = may_be[0] if may_be else _first(found)
    sure = len(may_be) == 1 and not unknown
    return Advice(
        backend=best.backend,
        device=best.device,
        seconds=best.seconds,
        low=best.low,
        high=best.high,
        why=_why(best, ordered, may_be, unknown),
        sure=sure,
        source=_source(may_be),
        measured=measured if may_be else None,
        stale=stale if may_be else None,
        candidates=tuple(ordered),
    )


def _seconds(candidate: Candidate) -> float:
    return inf if candidate.seconds is None else candidate.seconds


def _first(found: Sequence[Candidate]) -> Candidate:
    """Return NumPy if it can run here, else the first that can, else the first."""
    able = [one for one in found if one.reason == NOT_KNOWN]
    return next((one for one in able if one.backend == "numpy"), (able or list(found))[0])


def _surely_faster(one: Candidate, other: Candidate) -> bool:
    """Return whether the first is faster by more than 10 %, and by more than chance explains."""
    apart = log(_seconds(other) / _seconds(one))
    return apart > max(log(ALIKE), _SURE * sqrt(_variance(one) + _variance(other)))


def _variance(candidate: Candidate) -> float:
    """Return the variance of the logarithm of the time, from its interval."""
    if not candidate.low or not candidate.high:
        return inf
    return (log(candidate.high / candidate.low) / (2 * _NORMAL)) ** 2


def _source(may_be: Sequence[Candidate]) -> Source:
    if not may_be:
        return "unknown"
    is_measured = all(one.source == "measured" for one in may_be)
    return "measured" if is_measured else "estimated"


def _why(
    best: Candidate,
    ordered: Sequence[Candidate],
    may_be: Sequence[Candidate],
    unknown: Sequence[Candidate],
) -> str:
    if not may_be:
        if best.reason != NOT_KNOWN:
            return f"not sure: no backend has a time; {best.backend}: {best.reason}"
        return f"not sure: nothing is known of such a training on this machine, so {best.backend}"
    parts = [f"{best.backend} takes {_time(best)}"]
    others = [one for one in ordered if one.seconds is not None and one is not best]
    parts += [_beside(one, best) for one in others[:1]]
    if any(one.source == "estimated" for one in (best, *others[:1])):
        parts.append("estimated from other shapes measured on this machine")
    sentence = ", ".join(parts)
    doubts = []
    if len(may_be) > 1:
        doubts.append(f"{_listed(may_be[1:])} may be as fast")
    if unknown:
        doubts.append(f"nothing is known of {_listed(unknown)}")
    return f"{sentence}; not sure: {', and '.join(doubts)}" if doubts else sentence


def _time(candidate: Candidate) -> str:
    return f"{candidate.seconds:.3g} s [{candidate.low:.3g}, {candidate.high:.3g}]"


def _beside(other: Candidate, best: Candidate) -> str:
    return f"{other.backend} {_seconds(other) / _seconds(best):.3g} times as long"


def _listed(found: Sequence[Candidate]) -> str:
    return " and ".join(one.backend for one in found)
