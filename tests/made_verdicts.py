"""Rows of one problem, and what the one judge says of them, whichever question is asked."""

from __future__ import annotations

from math import exp
from typing import Any

from msgspec import Struct

from perceptron.answer import Decided
from perceptron.records.measurement import Measurement
from tests.made import measured

# Of the spread of repeats: none, and far more than any difference.
EXACT, NOISY = (0.0,) * 7, (-0.4, 0.3, 0.0, -0.3, 0.4, -0.2, 0.2)


class Case(Struct, frozen=True, kw_only=True):
    """Seconds of each backend repeat by repeat; one side may have waited for cores."""

    seconds: dict[str, tuple[float, ...]]
    waited: str | None = None
    decided: Decided
    ties: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """Backends that cannot run here."""

    @property
    def backends(self) -> tuple[str, ...]:
        """All that were asked for."""
        return (*self.seconds, *self.refused)


def times(typical: float, spread: tuple[float, ...] = EXACT) -> tuple[float, ...]:
    return tuple(typical * exp(part) for part in spread)


_FIRST = {"numpy": times(1e-3)}
CASES = {
    "tie": Case(seconds=_FIRST | {"numba": times(1.02e-3)}, decided="yes", ties=("numba",)),
    "apart": Case(seconds=_FIRST | {"numba": times(1.5e-3)}, decided="yes", slower=("numba",)),
    "noisy": Case(seconds=_FIRST | {"numba": times(1.1e-3, NOISY)}, decided="no"),
    "one repeat": Case(seconds={"numpy": (1e-3,), "numba": (1.5e-3,)}, decided="no"),
    "contended": Case(
        seconds=_FIRST | {"numba": times(9e-3)},
        waited="numba",
        decided="no",
    ),
    # Waiting only ever adds: what is faster all the same is the faster one.
    "fast side contended": Case(
        seconds=_FIRST | {"numba": times(9e-3)}, waited="numpy", decided="yes", slower=("numba",)
    ),
    "two tie": Case(
        seconds=_FIRST | {"numba": times(1.02e-3), "torch-cpu": times(1.5e-3)},
        decided="yes",
        ties=("numba",),
        slower=("torch-cpu",),
    ),
}

ALONE = Case(seconds=_FIRST, refused=("numba", "torch-cpu"), decided="no")
"""No comparison; ``advise`` asks which to use, and there is one."""


def rows_of(case: Case, **fields: Any) -> list[Measurement]:
    """Return its rows; any field can be given."""
    refused = [
        measured(backend=name, status="skipped", reason="not installed", **fields)
        for name in case.refused
    ]
    return refused + [
        measured(
            backend=backend,
            repeat=repeat,
            seconds=seconds,
            waited=0.9 if backend == case.waited else 0.0,
            **fields,
        )
        for backend, repeats in case.seconds.items()
        for repeat, seconds in enumerate(repeats)
    ]
