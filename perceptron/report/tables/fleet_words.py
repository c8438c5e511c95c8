"""What machines answer, in words: who is the fastest over which sizes."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.fleet.fastest import FastestOver
from perceptron.analysis.interval import Interval
from perceptron.numbers import NONE, duration_interval
from perceptron.report.size_axis import at_size

NO_RIVAL = "no two backends have a time"


def fastest_words(stretches: Sequence[FastestOver], axis: str) -> str:
    """Return ``numpy at 4 to 64; not sure: numpy or torch-cpu at 128; torch-cpu at 256``."""
    return "; ".join(f"{_who(one)} at {_sizes(one, axis)}" for one in stretches) or NO_RIVAL


def names_words(backend: str, unsure: Sequence[str]) -> str:
    """Return the fastest backend, and that it is not sure where others may be as fast."""
    names = [backend, *unsure]
    return f"not sure: {' or '.join(names)}" if unsure else backend


def seconds_words(seconds: Interval | None) -> str:
    """Return a time with its interval."""
    if seconds is None:
        return NONE
    return duration_interval(seconds.estimate, seconds.low, seconds.high)


def _who(one: FastestOver) -> str:
    return names_words(one.backend, one.unsure)


def _sizes(one: FastestOver, axis: str) -> str:
    if one.low == one.high:
        return at_size(f"{one.low:,}", axis)
    return f"{at_size(f'{one.low:,}', axis)} to {one.high:,}"
