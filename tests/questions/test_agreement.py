"""One judge: the same times get the same verdict from every question, and its page says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any, NamedTuple

from perceptron.answer import Decided
from perceptron.records.measurement import Measurement
from tests.made import measured

FIRST, SECOND, THIRD = "numpy", "torch-cpu", "numba"
EXACT = (0.0,) * 6
NOISY = (-0.5, 0.4, 0.05, -0.4, 0.5, -0.05)


class Case(NamedTuple):
    """The repeats of each backend, in seconds, and what every question must say of them."""

    times: Mapping[str, Sequence[float]]
    decided: Decided
    ties: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    waited: Mapping[str, float] = {}


def of(seconds: float, spread: Sequence[float] = EXACT) -> list[float]:
    return [seconds * exp(part) for part in spread]


CASES = {
    "tie": Case({FIRST: of(200e-6), SECOND: of(204e-6)}, "yes", ties=(SECOND,)),
    "apart": Case({FIRST: of(200e-6), SECOND: of(300e-6)}, "yes", slower=(SECOND,)),
    "noisy": Case({FIRST: of(200e-6), SECOND: of(210e-6, NOISY)}, "no"),
    "one repeat": Case({FIRST: of(200e-6, [0.0]), SECOND: of(300e-6, [0.0])}, "no"),
    "one side contended": Case(
        {FIRST: of(200e-6), SECOND: of(900e-6)}, "no", waited={SECOND: 0.8}
    ),
    "two of three tie": Case(
        {FIRST: of(200e-6), SECOND: of(204e-6), THIRD: of(300e-6)},
        "yes",
        ties=(SECOND,),
        slower=(THIRD,),
    ),
}


def rows(case: Case, **about: Any) -> list[Measurement]:
    return [
        measured(
            backend=name,
            repeat=repeat,
            seconds=seconds,
            samples=[seconds],
            waited=case.waited.get(name, 0.0),
            **about,
        )
        for name, times in case.times.items()
        for repeat, seconds in enumerate(times)
    ]
