"""What a study asks of a worker process, and what the worker answers: one JSON line each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from perceptron.problems.problem import DType
from perceptron.records.measurement import Timings

Extra = Literal["phases", "ceilings", "harness", "kernels"]


class Job(Struct, frozen=True, kw_only=True):
    """Time one backend on some problems, in this order, in one process.

    With ``check`` the process shows that the backend agrees instead of timing it: what a reference
    leaves behind in memory and thread pools must not be near a sample.
    """

    backend: str
    problems: list[str]
    """What `problems.catalogue.find` takes."""
    dtype: DType
    threads: int
    samples: int
    minimum_seconds: float
    iterations: int | None = None
    check: bool = False
    references: str | None = None
    """A folder where workers keep reference results for each other."""
    extra: Extra | None = None
    """Measure this of each problem instead of its training; see `extras`."""


class Part(Struct, frozen=True, kw_only=True):
    """One piece of an extra: how much ``work`` it is, and seconds as in `Measurement`."""

    name: str
    work: float
    bytes_moved: float | None = None
    """Of a kernel."""
    seconds: float
    samples: list[float]
    iterations: int


class Outcome(Timings, frozen=True, kw_only=True):
    """What became of one problem of a job."""

    problem: str
    """The reference, as the job names it."""
    parts: tuple[Part, ...] = ()
    """Of an extra."""
