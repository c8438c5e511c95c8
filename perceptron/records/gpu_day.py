"""What a day with a GPU plans to do, and what became of it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Outcome = Literal["ok", "failed", "timed out", "left out", "next call"]


class PlannedStage(Struct, frozen=True, kw_only=True):
    """One stage before it runs: what it tells and how long it may take."""

    number: int
    name: str
    tells: str
    seconds: float


class StageOutcome(Struct, frozen=True, kw_only=True):
    """What became of a stage; ``reason`` is one line unless it did all that it is for.

    ``left out`` could not run here; ``next call`` did not fit into what was left of this one.
    """

    number: int
    name: str
    outcome: Outcome
    seconds: float = 0.0
    rows: int = 0
    """Measured by it."""
    reason: str | None = None

    @property
    def is_bad_news(self) -> bool:
        return self.outcome in ("failed", "timed out")


class DayState(Struct, frozen=True, kw_only=True):
    """What is kept beside the results, so that the next call resumes."""

    rehearsal: bool
    stages: list[StageOutcome]
    """The newest outcome of each stage that has run, in the order of their numbers."""


class Packed(Struct, frozen=True, kw_only=True):
    """The archive that is brought home; ``left_out`` names files for which it had no room."""

    archive: str
    files: int
    bytes: int
    left_out: list[str] = []


class DayResult(Struct, frozen=True, kw_only=True):
    """One call: the stages that it was to run, and where what they left behind is packed."""

    machine: str
    results: str
    rehearsal: bool
    stages: list[StageOutcome]
    packed: Packed
