"""What a run was allowed to take, and what it took."""

from __future__ import annotations

from msgspec import Struct


class BudgetUse(Struct, frozen=True, kw_only=True):
    """The seconds that a command was given, and those that all its starts have spent together."""

    seconds: float
    spent_seconds: float
