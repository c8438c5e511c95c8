"""How a study tells how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """``done`` of ``total`` pieces of work; ``message`` says what was done last."""

    done: int
    total: int
    message: str


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """Listen to nothing."""
