"""What is known of each backend that may be advised: measured, estimated, or why nothing is.

Plain Python on records: a program that asks once waits for no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp
from typing import Literal

from msgspec import Struct

from perceptron.analysis.cost_curve import CostCurve
from perceptron.analysis.work import CONTENDED, MeasuredWork, Work
from perceptron.grouping import grouped

Source = Literal["measured", "estimated", "unknown"]

NEAR = 3.0
"""Distance up to which a measured shape is near, see `Estimate.distance`."""
NOT_KNOWN = "not measured on this machine, and nothing near it"
OTHER_KIND = (
    "only trainings of another kind were measured on this machine: by another optimizer, on "
    "batches or all rows where this is not, or of one model or several"
)
"""Why an estimate is sure of nothing."""
# How far those are off, at 95%, beside what the curve itself does not know.
_ANOTHER_KIND = 2.0
# How far the setup of another process may be off, at 95%.
_ONE_PROCESS = 1.1


class BackendHere(Struct, frozen=True, kw_only=True):
    """A backend that may be advised, on this machine."""

    name: str
    device: str
    unavailable: str | None = None
    """Why it cannot run here, in one line; None if it can."""
    tried: str | None = None
    """Why measuring this shape was given up lately, in one line; None if it was not."""


class Candidate(Struct, frozen=True, kw_only=True):
    """One backend that was asked about; without a time it has a ``reason``.

    ``seconds`` are those of the whole training, setup included, ``low`` and ``high`` their
    interval at about 95%.
    """

    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    source: Source = "unknown"
    reason: str | None = None
    """Why there is no time; of an estimate, how far it is from what was measured, or why this shape
    could not be."""
    setup_seconds: float | None = None
    """Of ``seconds`` what is spent once, before the first iteration."""
    seconds_per_iteration: float | None = None
    """What each further iteration adds."""
    doubt: str | None = None
    """Why the time is undecided, however far it is from all others; None if it is not."""


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
    kinds = {kind for curve in curves.values() for kind in curve.kinds}
    is_new = work.shape.kind not in kinds
    by_backend = grouped(rows, lambda row: row.backend)
    return [
        _candidate(work, iterations, backend, by_backend.get(backend.name, ()), curves, is_new)
        for backend in backends
    ]


def _candidate(
    work: Work,
    iterations: int,
    backend: BackendHere,
    rows: Sequence[MeasuredWork],
    curves: Mapping[str, CostCurve],
    is_new: bool,
) -> Candidate:
    """Return what is known of one; ``is_new`` if no curve has seen a training of the kind.

    Where others have, this backend may refuse it, which no estimate would say.
    """
    name, device = backend.name, backend.device
    if backend.unavailable is not None:
        return Candidate(backend=name, device=device, reason=backend.unavailable)
    row = row_of(work, name, rows)
    if row is not None:
        return _measured(row, iterations)
    curve = curves.get(name)
    if curve is None or not (is_new or work.shape.kind in curve.kinds):
        return Candidate(backend=name, device=device, reason=backend.tried or NOT_KNOWN)
    once, each = curve.prepare_seconds(work), curve.seconds(work)
    wider = _ANOTHER_KIND if is_new else 1.0
    return Candidate(
        backend=name,
        device=device,
        seconds=once.seconds + iterations * each.seconds,
        low=(once.low + iterations * each.low) / wider,
        high=(once.high + iterations * each.high) * wider,
        source="estimated",
        setup_seconds=once.seconds,
        seconds_per_iteration=each.seconds,
        reason=backend.tried or (OTHER_KIND if is_new else _far(each.distance)),
        doubt=curve.doubt,
    )


def _far(distance: float) -> str | None:
    if distance <= NEAR:
        return None
    return f"the nearest shape measured is a factor of {exp(min(distance, 20)):.2g} away"


def row_of(work: Work, backend: str, rows: Iterable[MeasuredWork]) -> MeasuredWork | None:
    """Return the newest row of this shape; None if there is none.

    One that was contended is older than all that were not.
    """
    found = [row for row in rows if row.backend == backend and row.work.shape == work.shape]
    return max(reversed(found), key=lambda row: (row.doubt != CONTENDED, row.when), default=None)


def _measured(row: MeasuredWork, iterations: int) -> Candidate:
    once = row.prepare_seconds
    return Candidate(
        backend=row.backend,
        device=row.device,
        seconds=once + iterations * row.seconds,
        low=once / _ONE_PROCESS + iterations * row.low if row.low else 0.0,
        high=once * _ONE_PROCESS + iterations * row.high,
        source="measured",
        setup_seconds=once,
        seconds_per_iteration=row.seconds,
        doubt=row.doubt,
    )
