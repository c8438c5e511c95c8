"""Describe the training of a row or a verdict in words."""

from __future__ import annotations

from perceptron.records.comparison_key import HasComparisonKey, comparison_key

NOT_STATED = "not stated"
"""The training of rows that state no optimizer, such as those of functions."""
_PLAIN = "sgd"


def training_words(subject: HasComparisonKey) -> str:
    """Return the training in words: ``adam, batches of 128, fed from the host, 10 outputs``.

    The text is empty for plain gradient descent in full batches with one output, and if unknown.
    """
    key = comparison_key(subject)
    words = []
    if key.optimizer is not None and (key.optimizer != _PLAIN or key.batch is not None):
        words.append(key.optimizer)
    if key.batch is not None:
        words.append(f"batches of {key.batch:,}")
    if key.feed == "host":
        words.append("fed from the host")
    if key.outputs is not None and key.outputs > 1:
        words.append(f"{key.outputs:,} outputs")
    if key.models is not None:
        is_single = key.models == 1
        words.append("one model" if is_single else f"{key.models:,} models batched")
    return ", ".join(words)


def training_name(subject: HasComparisonKey) -> str:
    """Return `training_words`; if these are empty, the optimizer or ``not stated``."""
    return training_words(subject) or subject.optimizer or NOT_STATED
