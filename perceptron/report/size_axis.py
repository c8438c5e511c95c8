"""What the sizes of a family count, in a word."""

from __future__ import annotations

_WORDS = ("rows", "features", "width", "depth", "batch", "map")
_BATCH = "batch"
_OURS = ("mlp", "perceptron")


def size_axis(family: str, stated: str | None = None) -> str:
    """Return what sizes count: as rows state it, else as the family's name says; else ``size``.

    That is the starred part of a shape, the last word that is an axis in a name of ours, such as
    ``mlp-width-adam``, or the last word of another's.
    """
    if stated is not None:
        return stated
    if family.startswith("mlp:") and "*" in family:
        return _starred(family)
    words = family.split("-")
    if words[0] not in _OURS:  # what a batch is in others' names nobody knows
        words = [word for word in words[-1:] if word != _BATCH]
    return next((word for word in reversed(words) if word in _WORDS), "size")


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
