"""What the sizes of a family count, in a word."""

from __future__ import annotations

_WORDS = ("rows", "features", "width", "depth", "batch", "models", "map")
_BATCH, _MODELS = "batch", "models"
_MANY, _OURS = "many", ("mlp", "perceptron")


def size_axis(family: str, stated: str | None = None) -> str:
    """Return what sizes count: as rows state it, else as the family's name says; else ``size``.

    That is the starred part of a shape, the last word that is an axis in a name of ours, such as
    ``mlp-width-adam``, or the last word of another's; many of something are models.
    """
    if stated is not None:
        return stated
    if family.startswith("mlp:") and "*" in family:
        return _starred(family)
    words = family.split("-")
    if words[0] == _MANY and len(words) > 1:
        return _MODELS
    if words[0] not in _OURS:  # what a batch is in others' names nobody knows
        words = [word for word in words[-1:] if word != _BATCH]
    return next((word for word in reversed(words) if word in _WORDS), "size")


def _starred(family: str) -> str:
    shape, *parts = family.removeprefix("mlp:").split(":")
    starred = [part for part in parts if "*" in part]
    if starred:
        return _MODELS if starred[0] == "*m" else _BATCH
    words = shape.split("x")
    index = words.index("*") if "*" in words else 2
    return ("rows", "features", "hidden width")[min(index, 2)]


def at_size(size: str, axis: str) -> str:
    """Return ``size`` as a sentence has it: ``a batch of 256``, ``3 models``, else the number."""
    if axis == _MODELS:
        return "1 model" if size == "1" else f"{size} models"
    return f"a batch of {size}" if axis == _BATCH else size


def size_noun(axis: str) -> str:
    """Return what a sentence calls one of the sizes: ``at every batch``."""
    return {_BATCH: _BATCH, _MODELS: "number of models"}.get(axis, "size")
