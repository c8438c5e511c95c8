"""The optimizer of a model file: which of its keys go together, and what they make."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import Any

from msgspec.structs import asdict

from perceptron.errors import UserError
from perceptron.problems.model_keys import OptimizerKeys
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd

_KINDS: dict[OptimizerName, type[Optimizer]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}


def optimizer_of(rate: float | None, keys: OptimizerKeys | None) -> Optimizer:
    """Return the optimizer of the plain rate or the table [optimizer].

    Raises `UserError` naming the key where they make none.
    """
    if keys is None:
        if rate is None:
            raise UserError("Object missing required field `rate`, or a table [optimizer]")
        _check_finite("rate", rate)
        return Sgd(rate=rate)
    if rate is not None:
        raise UserError("rate: belongs in the table [optimizer] where there is one")
    _check(keys)
    return _KINDS[keys.name](**_given(keys))


def _check(keys: OptimizerKeys) -> None:
    if keys.name == "sgd" and keys.rate is None:
        raise UserError("optimizer: Object missing required field `rate`, such as rate = 0.1")
    known = [field.name for field in fields(_KINDS[keys.name])]
    for key, value in _given(keys).items():
        if key not in known:
            raise UserError(f"optimizer.{key}: {keys.name!r} takes {', '.join(known)}")
        if isinstance(value, float):
            _check_finite(f"optimizer.{key}", value)
    if keys.nesterov and not keys.momentum:
        raise UserError("optimizer.nesterov: needs momentum above 0, such as momentum = 0.9")


def _given(keys: OptimizerKeys) -> dict[str, Any]:
    """Return what the file says of the optimizer beside its name."""
    return {
        key: value for key, value in asdict(keys).items() if key != "name" and value is not None
    }


def _check_finite(where: str, value: float) -> None:
    if not isfinite(value):
        raise UserError(f"{where}: Expected a finite `float`, got {value}")
