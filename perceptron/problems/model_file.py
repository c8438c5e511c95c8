"""A model written down in a TOML file: its keys, their types, and what is wrong with one.

Reading decodes values and nothing else: no part of a file is ever executed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from perceptron.errors import UserError, unknown
from perceptron.problems.problem import Activation, Loss

Axis = Literal["rows", "features", "width", "depth"]

# Array libraries count in 32 bits here and there; a model beyond fits in no memory anyway.
Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Text = Annotated[str, Meta(min_length=1)]

# Layers are listed one by one, so more than anybody could mean are refused.
_DEEPEST = 1024


class Generated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Separable data of this shape, made up from a fixed seed."""

    rows: Count
    features: Count


class FromCsv(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data from a CSV file, whose path is relative to the model's; ``target`` names a column."""

    csv: Text
    target: Text


class LayerKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dense layer."""

    width: Count
    activation: Activation


class SizeKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The number of the model that a sweep replaces, and by what."""

    axis: Axis
    values: Annotated[tuple[Count, ...], Meta(min_length=1)]


Data = TypeVar("Data", Generated, FromCsv)


class Model(Struct, Generic[Data], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole model. ``size`` None means that it has one size only."""

    data: Data
    layers: Annotated[tuple[LayerKeys, ...], Meta(min_length=1)]
    loss: Loss
    rate: Annotated[float, Meta(gt=0)]
    iterations: Count = 10_000
    start: Seed = 1
    size: SizeKeys | None = None


AnyModel = Model[Generated] | Model[FromCsv]

_NAMES: dict[str, Sequence[str]] = {
    "activation": get_args(Activation),
    "loss": get_args(Loss),
    "axis": get_args(Axis),
}


def read_model(file: Path) -> AnyModel:
    """Read the model in the file.

    Raises `UserError`, one line that names the file and the field.
    """
    try:
        return _decode(_parse(file))
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def check_size(size: int, axis: Axis) -> None:
    """Raise `UserError` for a size that a model cannot take along this axis."""
    if axis == "depth" and size > _DEEPEST:
        raise UserError(f"depth must be at most {_DEEPEST}, got {size}")


def _parse(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8 text: byte {error.start} is out of place") from None
    except RecursionError:
        raise UserError("not TOML: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise UserError(f"not TOML: {' '.join(str(error).split())}") from None


def _decode(raw: dict[str, object]) -> AnyModel:
    data = raw.get("data")
    from_csv = isinstance(data, dict) and "csv" in data
    _check_names(raw, FromCsv if from_csv else Generated)
    try:
        model: AnyModel
        if from_csv:
            model = msgspec.convert(raw, Model[FromCsv])
        else:
            model = msgspec.convert(raw, Model[Generated])
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise UserError(f"{path.rstrip('`')}: {what}" if path else what) from None
    _check_model(model)
    return model


def _check_names(raw: dict[str, object], data: type[Struct]) -> None:
    """Refuse unknown keys and names, with the nearest known one, which msgspec does not give."""
    for prefix, table, kind in _tables(raw, data):
        for key, value in table.items():
            if key not in kind.__struct_fields__:
                if prefix and key in Model.__struct_fields__:
                    raise UserError(f"{prefix}{key!r} belongs above the first [table] of the file")
                raise UserError(f"{prefix}{unknown('key', key, kind.__struct_fields__)}")
            if isinstance(value, str) and value not in _NAMES.get(key, (value,)):
                raise UserError(f"{prefix}{unknown(key, value, _NAMES[key])}")


def _tables(
    raw: dict[str, object], data: type[Struct]
) -> Iterator[tuple[str, dict[str, object], type[Struct]]]:
    """Yield each table of the file, with the prefix of messages about it and its type."""
    yield "", raw, Model
    layers = raw.get("layers")
    entries = enumerate(layers) if isinstance(layers, list) else ()
    inner: list[tuple[str, object, type[Struct]]] = [
        ("data: ", raw.get("data"), data),
        ("size: ", raw.get("size"), SizeKeys),
        *((f"layers[{index}]: ", layer, LayerKeys) for index, layer in entries),
    ]
    for where, table, kind in inner:
        if isinstance(table, dict):
            yield where, table, kind


def _check_model(model: AnyModel) -> None:
    """Refuse what depends on several fields."""
    last = model.layers[-1]
    if last.width != 1:
        index = len(model.layers) - 1
        raise UserError(f"layers[{index}].width: the last layer has width 1, got {last.width}")
    if not isfinite(model.rate):
        raise UserError(f"rate: Expected a finite `float`, got {model.rate}")
    if model.loss == "bce" and last.activation != "sigmoid":
        raise UserError(
            "loss: 'bce' needs predictions between 0 and 1: "
            f"give the last layer 'sigmoid' instead of {last.activation!r}"
        )
    if model.size is not None:
        _check_axis(model, model.size)


def _check_axis(model: AnyModel, size: SizeKeys) -> None:
    hidden = len(model.layers) - 1
    if size.axis in ("rows", "features") and isinstance(model.data, FromCsv):
        raise UserError(f"size.axis: {size.axis!r} needs generated data; this is a CSV file's")
    if size.axis == "width" and not hidden:
        raise UserError("size.axis: 'width' needs a hidden layer before the last one")
    if size.axis == "depth" and hidden != 1:
        raise UserError(f"size.axis: 'depth' repeats one hidden layer, and here are {hidden}")
    for index, value in enumerate(size.values):
        if value in size.values[:index]:
            raise UserError(f"size.values[{index}]: {value} is there twice")
        try:
            check_size(value, size.axis)
        except UserError as error:
            raise UserError(f"size.values[{index}]: {error}") from None
