"""What machines answer, in words: who is the fastest over which sizes."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.crossover.ranking import FastestOver, names_words
from perceptron.analysis.interval import Interval
from perceptron.analysis.sizes import sized
from perceptron.numbers import NONE, duration_interval

NO_RIVAL = "no two backends have a time"


def fastest_words(stretches: Sequence[FastestOver], axis: str) -> str:
    """Return ``numpy at 4–64 rows; undecided: numpy or torch-cpu at 128 rows``."""
    return "; ".join(f"{_who(one)} at {_sizes(one, axis)}" for one in stretches) or NO_RIVAL


def seconds_words(seconds: Interval | None) -> str:
    """Return a time with its interval."""
    if seconds is None:
        return NONE
    return duration_interval(seconds.estimate, seconds.low, seconds.high)


def _who(one: FastestOver) -> str:
    return names_words(one.backend, one.unsure)


def _sizes(one: FastestOver, axis: str) -> str:
    if one.low == one.high:
        return sized(f"{one.low:,}", axis)
    return sized(f"{one.low:,}–{one.high:,}", axis)
