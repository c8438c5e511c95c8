"""The published finding: 10,000 iterations on the OR gate."""

from __future__ import annotations

from dataclasses import replace

from msgspec import Struct

from perceptron.figure import Dot
from perceptron.statistics.interval import Interval

FAMILY = "or-gate"
ITERATIONS = 10_000


class Source(Struct, frozen=True):
    """Where the finding was published."""

    title: str
    author: str
    file: str
    address: str


SOURCE = Source(
    title="Implementing a Neural Network",
    author="Glenn K. Lockwood",
    file="glennklockwood/limelead, notebooks/perceptron.ipynb",
    address="https://github.com/glennklockwood/limelead/blob/master/notebooks/perceptron.ipynb",
)

# Seconds, from the source's page, which does not name the hardware.
PUBLISHED = {"numpy-published": 1.7, "torch-cpu": 8.1, "torch-cuda": 23.1}


def published_iteration_seconds(problem: str) -> dict[str, float]:
    """Return the published seconds per iteration by backend; empty for another problem."""
    if problem != FAMILY:
        return {}
    return {backend: seconds / ITERATIONS for backend, seconds in PUBLISHED.items()}


def measured_dot(row: int, backend: str, time: Interval, label: str, text: str) -> Dot:
    """Return the dot of a time measured here, for row ``row`` of a figure."""
    seconds = time.estimate
    return Dot(
        row=row,
        backend=backend,
        seconds=seconds,
        low=time.low or seconds,
        high=time.high or seconds,
        label=label,
        text=text,
    )


def published_dot(row: int, backend: str, seconds: float, label: str, text: str) -> Dot:
    """Return the open dot of a published time, for row ``row`` of a figure."""
    measured = measured_dot(row, backend, Interval(seconds, None, None), label, text)
    return replace(measured, published=True)
