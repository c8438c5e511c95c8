"""The training of rows in words."""

from __future__ import annotations

from perceptron.records.comparison_key import HasComparisonKey, comparison_key

_PLAIN = "sgd"


def training_words(of: HasComparisonKey) -> str:
    """Return the training in words: ``adam, batches of 128, fed from the host, 10 outputs``.

    Empty for full batches by plain gradient descent towards one output, and where it is unknown.
    """
    where = comparison_key(of)
    words = []
    if where.optimizer is not None and (where.optimizer != _PLAIN or where.batch is not None):
        words.append(where.optimizer)
    if where.batch is not None:
        words.append(f"batches of {where.batch:,}")
    if where.feed == "host":
        words.append("fed from the host")
    if where.outputs is not None and where.outputs > 1:
        words.append(f"{where.outputs:,} outputs")
    if where.models is not None:
        one = where.models == 1
        words.append("one model" if one else f"{where.models:,} models batched")
    return ", ".join(words)


def training_name(of: HasComparisonKey) -> str:
    """Return `training_words`, or where these are empty the optimizer if it is known."""
    return training_words(of) or of.optimizer or "not stated"
