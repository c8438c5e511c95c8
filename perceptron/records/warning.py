"""A warning is a value that carries advice."""

from __future__ import annotations

from msgspec import Struct


class MeasurementWarning(Struct, frozen=True, kw_only=True):
    """Something to know when reading the numbers: what it is, and what can be done."""

    code: str
    message: str
    advice: str
