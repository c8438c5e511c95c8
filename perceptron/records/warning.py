"""A warning is a value that carries advice."""

from __future__ import annotations

from msgspec import Struct


class MeasurementWarning(Struct, frozen=True, kw_only=True):
    """A reason to doubt numbers, and advice."""

    code: str
    message: str
    advice: str
