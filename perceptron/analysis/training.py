"""The training of rows in words, and warnings of rows that differ in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from perceptron.grouping import grouped
from perceptron.records.ground import Ground, OnGround, ground
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning

KEPT_APART = "kept-apart"
"""The code of the warning."""
_FIELDS = ("optimizer", "batch", "feed", "outputs", "models")
_PLAIN = "sgd"
# Cases that a warning names.
_NAMED = 3


def training_words(of: OnGround) -> str:
    """Return the training in words: ``adam, batches of 128, fed from the host, 10 outputs``.

    Empty for full batches by plain gradient descent towards one output, and where it is unknown.
    """
    where = ground(of)
    is_told = {
        "optimizer": where.optimizer is not None
        and (where.optimizer != _PLAIN or where.batch is not None),
        "batch": where.batch is not None,
        "feed": where.feed == "host",
        "outputs": where.outputs is not None and where.outputs > 1,
        "models": where.models is not None,
    }
    return ", ".join(_word(where, name) for name in _FIELDS if is_told[name])


def training_name(of: OnGround) -> str:
    """Return `training_words`, or where these are empty the optimizer if it is known."""
    return training_words(of) or of.optimizer or "not stated"


def kept_apart(rows: Iterable[Measurement]) -> list[MeasurementWarning]:
    """Return a warning of families whose rows were not all trained alike on one machine.

    Such rows are never compared with each other.
    """
    trained = dict.fromkeys((row.family, ground(row)) for row in rows)
    machines = grouped(trained, lambda one: (one[0], one[1].machine, one[1].dtype, one[1].threads))
    apart = dict.fromkeys(
        (_differences({where for _, where in alike}), family)
        for (family, *_), alike in machines.items()
        if len(alike) > 1
    )
    return [
        MeasurementWarning(
            code=KEPT_APART,
            message=f"{_some([name for _, name in named])}: rows of {differences} are judged apart",
            advice="measure both backends with the same training to compare them",
        )
        for differences, named in grouped(apart, lambda one: one[0]).items()
    ]


def _differences(grounds: Collection[Ground]) -> str:
    differing = [name for name in _FIELDS if len({getattr(of, name) for of in grounds}) > 1]
    words = sorted({", ".join(_word(of, name) for name in differing) for of in grounds})
    return " and of ".join(words)


def _word(of: Ground, name: str) -> str:
    value = getattr(of, name)
    if name == "models":
        return "one model" if value in (None, 1) else f"{value:,} models batched"
    if name == "batch":
        return "full batches, or an unknown batch" if value is None else f"batches of {value:,}"
    if value is None:
        return f"no stated {name}"
    if name == "feed":
        return "fed from the host" if value == "host" else f"{value} data"
    if name == "outputs":
        return "1 output" if value == 1 else f"{value:,} outputs"
    return str(value)


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
