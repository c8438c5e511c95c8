"""Which backend trains a shape fastest, how long that takes, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from perceptron.analysis.cost_curve import CostCurve
from perceptron.analysis.work import MeasuredWork, Work

Source = Literal["measured", "estimated", "unknown"]


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
    """``estimated`` if a time is that could have changed the pick."""
    measured: str | None
    """When the newest measurement behind it was made: UTC, ISO 8601."""
    stale: str | None
    """Which libraries changed since then, in one line; None if none did."""
    candidates: tuple[Candidate, ...]
    """All that were asked about, the fastest first."""


class BackendHere(Struct, frozen=True, kw_only=True):
    """A backend that may be advised, on this machine."""

    name: str
    device: str
    unavailable: str | None = None
    """Why it cannot run here, in one line; None if it can."""


def candidates(
    work: Work,
    iterations: int,
    backends: Sequence[BackendHere],
    rows: Iterable[MeasuredWork],
    curves: Mapping[str, CostCurve],
) -> list[Candidate]:
    """Return what is known of each backend's whole training, of so many iterations.

    A row of this very shape is an answer; else the backend's curve is, as an estimate. ``rows``
    and ``curves`` are of one machine, dtype and number of threads.
    """
    raise NotImplementedError


def choose(
    found: Sequence[Candidate], measured: str | None = None, stale: str | None = None
) -> Advice:
    """Return the fastest of the candidates; without any time the first that can run.

    Raises ValueError without a candidate.
    """
    raise NotImplementedError
