"""What a study sends to a racing process and what that answers, a JSON line for each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from perceptron.records.measurement import Status
from perceptron.records.race import Check, RaceDType, Target


class RaceJob(Struct, frozen=True, kw_only=True):
    """Train one problem on one backend until it reaches a target, twice."""

    backend: str
    problem: str
    """A reference, by which `problems.catalogue.find` finds it in the other process."""
    seed: int
    dtype: RaceDType
    threads: int
    """Of all processes that train together."""
    target: Target
    iterations: int
    """As many are allowed."""
    check_iterations: int
    """The held-out part is looked at after so many, and after the last."""


class Ready(Struct, frozen=True, kw_only=True, tag=True):
    """The process stands at the start; moments are of the clock that all processes share."""

    imported: float
    data: float
    """When the data were in host memory."""
    prepared: float
    modules: list[str]
    from_cache: bool | None
    """Whether what it would have compiled was found on disk; None where nothing compiles."""


class Looked(Struct, frozen=True, kw_only=True, tag=True):
    """One look at the held-out part."""

    check: Check


class Trained(Struct, frozen=True, kw_only=True, tag=True):
    """A training is over: all that it was looked at was sent before."""

    start: Literal["fresh", "resident"]
    waited: float | None


class Stopped(Struct, frozen=True, kw_only=True, tag=True):
    """There will be no more, and why."""

    status: Status
    reason: str


Message = Ready | Looked | Trained | Stopped
