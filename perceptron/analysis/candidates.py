"""What is known of each backend that may be advised: its measured time, or why there is none.

Plain Python on records: a program that asks once waits for no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from perceptron.analysis.measured_shape import CONTENDED, MeasuredShape, TrainingShape

Source = Literal["measured", "unknown"]

NOT_KNOWN = "not measured for this shape on this machine"
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
    """Why there is no time."""
    setup_seconds: float | None = None
    """Of ``seconds`` what is spent once, before the first iteration."""
    seconds_per_iteration: float | None = None
    """What each further iteration adds."""
    doubt: str | None = None
    """Why the time is undecided, however far it is from all others; None if it is not."""


def candidates(
    shape: TrainingShape,
    iterations: int,
    backends: Iterable[BackendHere],
    rows: Sequence[MeasuredShape],
) -> list[Candidate]:
    """Return what is known of each backend's whole training, of so many iterations.

    The newest row of this very shape answers. ``rows`` are of one machine, dtype and number of
    threads.
    """
    return [_candidate(shape, iterations, backend, rows) for backend in backends]


def _candidate(
    shape: TrainingShape, iterations: int, backend: BackendHere, rows: Sequence[MeasuredShape]
) -> Candidate:
    row = None if backend.unavailable else row_of(shape, backend.name, rows)
    if row is None:
        reason = backend.unavailable or backend.tried or NOT_KNOWN
        return Candidate(backend=backend.name, device=backend.device, reason=reason)
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


def row_of(
    shape: TrainingShape, backend: str, rows: Iterable[MeasuredShape]
) -> MeasuredShape | None:
    """Return the newest row of this shape; None if there is none.

    One that was contended is older than all that were not.
    """
    found = [row for row in rows if row.backend == backend and row.shape == shape]
    return max(reversed(found), key=lambda row: (row.doubt != CONTENDED, row.when), default=None)
