"""Facts of a backend itself: whether it can run, and whether it keeps the contract."""

from __future__ import annotations

from msgspec import Struct


class BackendFacts(Struct, frozen=True, kw_only=True):
    """Whether a backend can run here; ``reason`` is None if it can."""

    name: str
    device: str
    summary: str
    reason: str | None
    available: bool
    distributed: bool = False
    """Whether it can train over several processes: ``@N`` after its name says over how many."""


class CheckResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One promise of the contract over all problems and dtypes.

    ``broken`` says where and how it is not kept; ``skipped`` counts the problems that the backend
    does not train. ``note`` says with what reserve it is kept.
    """

    name: str
    passed: int
    skipped: int
    broken: list[str]
    note: str | None = None

    @property
    def kept(self) -> bool:
        return not self.broken and self.passed > 0
