"""A model written down in a TOML file: read, and what is wrong with one of its names or values.

Reading decodes values and nothing else: no part of a file is ever executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.config_file import read_toml
from perceptron.errors import UserError, unknown
from perceptron.problems.model_keys import (
    AnyModel,
    Bundled,
    FromCsv,
    Generated,
    LayerKeys,
    Model,
    OptimizerKeys,
    SizeKeys,
    names_of,
)
from perceptron.problems.model_rules import check_model

# What other libraries call a key.
_ELSEWHERE = {"lr": "rate", "learning_rate": "rate"}


def read_model(file: Path) -> AnyModel:
    """Read the model in the file.

    Raises `UserError`, one line that names the file and the field.
    """
    try:
        return _decode(read_toml(file))
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _decode(raw: dict[str, object]) -> AnyModel:
    data = raw.get("data")
    keys = data if isinstance(data, dict) else {}
    kind = FromCsv if "csv" in keys else Bundled if "name" in keys else Generated
    _check_names(raw, kind)
    try:
        model: AnyModel
        if kind is FromCsv:
            model = msgspec.convert(raw, Model[FromCsv])
        elif kind is Bundled:
            model = msgspec.convert(raw, Model[Bundled])
        else:
            model = msgspec.convert(raw, Model[Generated])
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        what = what.replace(" | null", "")  # which TOML has not
        raise UserError(f"{path.rstrip('`')}: {what}" if path else what) from None
    check_model(model)
    return model


def _check_names(raw: dict[str, object], data: type[Struct]) -> None:
    """Refuse unknown keys and names, with the nearest known one, which msgspec does not give."""
    for prefix, table, kind in _tables(raw, data):
        for key, value in table.items():
            if key not in kind.__struct_fields__:
                raise UserError(f"{prefix}{_unknown_key(key, kind)}")
            names = names_of(kind, key)
            if names and isinstance(value, str) and value not in names:
                raise UserError(f"{prefix}{unknown(key, value, names)}")


def _unknown_key(key: str, kind: type[Struct]) -> str:
    if kind is not Model and key in Model.__struct_fields__:
        return f"{key!r} belongs above the first [table] of the file"
    for name, table in (("optimizer", OptimizerKeys), ("data", Generated)):
        if kind is Model and key in table.__struct_fields__:
            return f"{key!r} belongs in the table [{name}]"
    ours = _ELSEWHERE.get(key.casefold())
    if ours in kind.__struct_fields__:
        return f"unknown key {key!r}: did you mean {ours!r}?"
    return str(unknown("key", key, kind.__struct_fields__))


def _tables(
    raw: dict[str, object], data: type[Struct]
) -> Iterator[tuple[str, dict[str, object], type[Struct]]]:
    """Yield each table of the file, with the prefix of messages about it and its type."""
    yield "", raw, Model
    layers = raw.get("layers")
    entries = enumerate(layers) if isinstance(layers, list) else ()
    inner: list[tuple[str, object, type[Struct]]] = [
        ("data: ", raw.get("data"), data),
        ("optimizer: ", raw.get("optimizer"), OptimizerKeys),
        ("size: ", raw.get("size"), SizeKeys),
        *((f"layers[{index}]: ", layer, LayerKeys) for index, layer in entries),
    ]
    for where, table, kind in inner:
        if isinstance(table, dict):
            yield where, table, kind
