"""A digest of what defines a training, the same in every process and on every machine."""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from typing import Any

import numpy as np

EXCLUDED = {"definition": False}
"""Metadata of a field outside the definition: equal trainings may differ in it."""
ADDED = {"definition": "unless default"}
"""Metadata of a field that was added later: at its default it does not change the digest."""
CONTENT = {"definition": True}
"""Metadata of a field that counts, although the class does not compare it."""


def definition_digest(value: Any) -> str:
    """Return the digest of a dataclass and all its fields, 12 hexadecimal digits.

    Every field that is compared counts, unless it is marked by `EXCLUDED`; so does a field that is
    added later. Fields count by name, so their order makes no difference, and numbers by value,
    so 1 and 1.0 are equal. Raises TypeError for a value without a unique text.
    """
    return sha256(_canonical(value).encode()).hexdigest()[:12]


def _counts(field: dataclasses.Field[Any], value: Any) -> bool:
    """Return whether a field of this value is part of a definition."""
    if field.metadata == ADDED:
        return bool(value != field.default)
    return bool(field.metadata.get("definition", field.compare))


def _canonical(value: Any) -> str:
    """Return the canonical text of a value: equal for equal values only."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = sorted(
            (field.name, _canonical(getattr(value, field.name)))
            for field in dataclasses.fields(value)
            if _counts(field, getattr(value, field.name))
        )
        named = ",".join(f"{name}={text}" for name, text in fields)
        return f"{type(value).__name__}({named})"
    if isinstance(value, np.ndarray):
        # In one byte order, and 0.0 for −0.0, which are equal.
        numbers = np.ascontiguousarray(value, dtype="<f8") + 0.0
        return f"array({list(numbers.shape)},{sha256(numbers.tobytes()).hexdigest()})"
    if isinstance(value, tuple | list):
        return f"[{','.join(map(_canonical, value))}]"
    if isinstance(value, str):
        return ascii(value)
    if isinstance(value, int):
        return str(int(value))  # True is 1
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else value.hex()
    if value is None:
        return "none"
    raise TypeError(f"{type(value).__name__}: no part of a definition")
