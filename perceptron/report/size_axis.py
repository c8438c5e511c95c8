"""What the sizes of a family count, in a word."""

from __future__ import annotations

_WORDS = ("rows", "features", "width", "depth", "batch", "map")
_BATCH = "batch"


def size_axis(family: str, stated: str | None = None) -> str:
    """Return what sizes count: as rows state it, else as the family's name says; else ``size``.

    That is the starred part of a shape, or the last word of our names that is an axis.
    """
    if stated is not None:
        return stated
    if family.startswith("mlp:") and "*" in family:
        return _starred(family)
    words = [word for word in family.split("-") if word in _WORDS]
    return words[-1] if words else "size"


def _starred(family: str) -> str:
    shape, *parts = family.removeprefix("mlp:").split(":")
    if any("*" in part for part in parts):
        return _BATCH
    words = shape.split("x")
    index = words.index("*") if "*" in words else 2
    return ("rows", "features", "hidden width")[min(index, 2)]


def at_size(size: str, axis: str) -> str:
    """Return ``size`` as a sentence has it: ``a batch of 256``, else the number by itself."""
    return f"a batch of {size}" if axis == _BATCH else size
