"""A run: the plan of a command that measures, and its budget."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from perceptron.records.measurement import Measurement


class BudgetUse(Struct, frozen=True, kw_only=True):
    """The seconds that a command was given, and those that all its starts have spent together."""

    seconds: float
    spent_seconds: float


class Hang(Struct, frozen=True):
    """A backend that was abandoned though there was time: at a subject, or while it started."""

    backend: str
    subject: str | None
    """The reference of a problem, or what explains one."""
    seconds: float

    def __str__(self) -> str:
        did = "start" if self.subject is None else "end"
        return f"did not {did} within {self.seconds:.3g} s"

    def is_of(self, subject: str) -> bool:
        """Return whether the hang left this subject unmeasured."""
        return self.subject in (None, subject)


class Run(Struct, frozen=True, kw_only=True):
    """The request of a run; the same plan, code and environment resume it."""

    format: Literal[3] = 3
    """The format of runs and their rows; a run of another format is refused."""
    plan: dict[str, Any]
    machine: str
    environment: str
    commit: str | None
    code: str | None = None
    """Digest of the sources that measure."""
    started: str
    finished: str | None = None
    budget_seconds: float | None = None
    """Seconds that the run may take; not part of the plan, so that a later start may have more."""
    spent_seconds: float | None = None
    """Seconds that all its starts have taken."""
    cut_short: bool = False
    """Whether it ended because the budget was spent before everything was measured."""
    hangs: list[Hang] = []
    """Jobs that did not end in its newest start; the next start tries them again."""
    has_lost_rows: bool = False
    """Whether workers were killed; the same command tries their rows again."""

    @property
    def budget(self) -> BudgetUse | None:
        """The seconds allowed and those taken; None if either is not recorded."""
        if self.budget_seconds is None or self.spent_seconds is None:
            return None
        return BudgetUse(seconds=self.budget_seconds, spent_seconds=self.spent_seconds)

    def row(self, **fields: Any) -> Measurement:
        """Return a row of this run, measured now, with further ``fields`` of a `Measurement`."""
        return Measurement(
            source="perceptron",
            machine=self.machine,
            environment=self.environment,
            commit=self.commit,
            code=self.code,
            when=now(),
            **fields,
        )

    def same_work(self, other: Run) -> bool:
        """Return whether the other run would measure the same rows."""
        return (
            self.plan == other.plan
            and self.environment == other.environment
            and self.commit == other.commit
            and self.code == other.code
        )

    def resumes(self, stored: Run) -> bool:
        """Return whether this start continues a stored run.

        The stored run has the same plan and was interrupted, has lost rows, or was cut short by a
        budget smaller than that of this start.
        """
        if not stored.same_work(self):
            return False
        if stored.finished is None or stored.has_lost_rows:
            return True
        return stored.cut_short and (self.budget_seconds or 0) > (stored.budget_seconds or 0)


_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """Return the present time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime(_MOMENT)


@lru_cache(maxsize=4096)  # pages convert the same few times for every cell and size
def seconds_of(moment: str | None) -> float | None:
    """Convert a time as `now` returns it to seconds since 1970; None for any other text.

    >>> seconds_of("1970-01-01T01:00:00Z"), seconds_of("yesterday")
    (3600.0, None)
    """
    with suppress(ValueError):
        return datetime.strptime(moment or "", _MOMENT).replace(tzinfo=UTC).timestamp()
    return None
