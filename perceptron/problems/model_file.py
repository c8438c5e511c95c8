"""Model files in TOML: their keys, the checks of keys against each other, and reading.

Reading decodes values and nothing else: no part of a file is ever executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict

from perceptron.errors import UserError, unknown
from perceptron.problems.batches import Last
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd
from perceptron.problems.problem import Activation, Feed, Loss
from perceptron.untrusted_text import read_toml

Axis = Literal["rows", "features", "width", "depth", "batch", "models"]
BundledName = Literal["digits", "breast-cancer"]

# Array libraries count in 32 bits in places; a larger model would not fit in memory anyway.
Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Text = Annotated[str, Meta(min_length=1)]
# Excludes the infinity of TOML.
_LARGEST = 1e300
Positive = Annotated[float, Meta(gt=0, le=_LARGEST)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]

# Each layer is an entry: a file with more layers than any real model has is refused.
_DEEPEST = 1024
_KINDS: dict[OptimizerName, type[Optimizer]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}


class Generated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data of this shape from a fixed seed: separable points, or with ``classes`` clusters."""

    rows: Count
    features: Count
    classes: Annotated[int, Meta(ge=2, le=2**31 - 1)] | None = None
    test_share: Share | None = None
    test_seed: Seed | None = None


class FromCsv(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data from a CSV file, whose path is relative to the model's; ``target`` names columns."""

    csv: Text
    target: Text | Annotated[tuple[Text, ...], Meta(min_length=1)]
    test_share: Share | None = None
    test_seed: Seed | None = None

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns that ``target`` names."""
        return (self.target,) if isinstance(self.target, str) else self.target


class Bundled(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data that come with scikit-learn."""

    name: BundledName
    test_share: Share | None = None
    test_seed: Seed | None = None


class LayerKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dense layer."""

    width: Count
    activation: Activation


class OptimizerKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The optimizer; None means its default."""

    name: OptimizerName
    rate: Positive | None = None
    momentum: Fraction | None = None
    nesterov: bool | None = None
    betas: tuple[Fraction, Fraction] | None = None
    eps: Positive | None = None
    weight_decay: Annotated[float, Meta(ge=0, le=_LARGEST)] | None = None


class SizeKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The axis along which a sweep resizes the model, and the sizes."""

    axis: Axis
    values: Annotated[tuple[Count, ...], Meta(min_length=1)]


Data = TypeVar("Data", Generated, FromCsv, Bundled)


class Model(Struct, Generic[Data], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model file. Without ``size`` the model has one size only.

    ``models`` are trained together; with ``folds`` each of them holds out another fold. Plain sgd
    has its ``rate`` here or in ``optimizer``. The default of ``iterations`` and ``epochs`` is
    10,000 iterations.
    """

    data: Data
    layers: Annotated[tuple[LayerKeys, ...], Meta(min_length=1)]
    loss: Loss
    rate: Positive | None = None
    iterations: Count | None = None
    epochs: Count | None = None
    start: Seed = 1
    batch: Count | None = None
    last: Last | None = None
    feed: Feed = "resident"
    models: Count = 1
    folds: bool = False
    optimizer: OptimizerKeys | None = None
    size: SizeKeys | None = None


AnyModel = Model[Generated] | Model[FromCsv] | Model[Bundled]


@cache
def _names_of(table: type[Struct], key: str) -> Sequence[str]:
    """Return the names that a key accepts; empty if its value is no name."""
    kind = get_type_hints(table)[key]
    literals = (part for part in (kind, *get_args(kind)) if get_origin(part) is Literal)
    return get_args(next(literals, None))


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
        model: AnyModel = msgspec.convert(raw, Model[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        message = message.replace(" | null", "")  # TOML has no null
        raise UserError(f"{path.rstrip('`')}: {message}" if path else message) from None
    optimizer_of(model.rate, model.optimizer)
    if fault := next(_faults(model), None):
        raise UserError(fault)
    if model.size is not None:
        check_size("size.values", max(model.size.values), model.size.axis)
    return model


def _check_names(raw: dict[str, object], data: type[Struct]) -> None:
    """Raise `UserError` for unknown keys and names, with the nearest known one."""
    for prefix, table, kind in _tables(raw, data):
        for key, value in table.items():
            if key not in kind.__struct_fields__:
                raise UserError(f"{prefix}{unknown('key', key, kind.__struct_fields__)}")
            names = _names_of(kind, key)
            if names and isinstance(value, str) and value not in names:
                raise UserError(f"{prefix}{unknown(key, value, names)}")


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
    for prefix, table, kind in inner:
        if isinstance(table, dict):
            yield prefix, table, kind


def _faults(model: AnyModel) -> Iterator[str]:
    """Yield the faults of keys that do not fit each other, each with the name of a key."""
    data, activation, size = model.data, model.layers[-1].activation, model.size
    axis = None if size is None else size.axis
    values = () if size is None else size.values
    columns = data.target_columns if isinstance(data, FromCsv) else ()
    if model.loss == "bce" and activation != "sigmoid":
        yield (
            "loss: 'bce' needs predictions between 0 and 1: give the last layer 'sigmoid' instead "
            f"of {activation!r}"
        )
    if model.loss == "cross-entropy":
        if activation != "identity":
            yield (
                "loss: 'cross-entropy' takes its softmax itself: give the last layer 'identity' "
                f"instead of {activation!r}"
            )
        if isinstance(data, Generated) and data.classes is None:
            yield "loss: 'cross-entropy' needs classes: give data.classes, such as 10"
        if len(columns) > 1:
            yield "data.target: 'cross-entropy' takes one column, of classes"
    if len(set(columns)) < len(columns):
        yield "data.target: a column is there twice"
    if model.iterations is not None and model.epochs is not None:
        yield "epochs: give iterations or epochs, not both"
    if model.batch is None and axis != "batch":
        for key, value in (("feed", model.feed), ("last", model.last)):
            if value not in ("resident", None):
                yield f"{key}: {value!r} is for batches: give a batch, such as 128"
    if model.folds and model.models < 2 and axis != "models":
        yield "folds: are for several models: give models, one for each fold"
    if model.folds and data.test_share is not None:
        yield "data.test_share: with folds each model holds out a fold of its own: leave it out"
    if data.test_seed is not None and data.test_share is None:
        yield "data.test_seed: needs data.test_share, such as test_share = 0.25"
    hidden = len(model.layers) - 1
    if axis in ("rows", "features") and not isinstance(data, Generated):
        source = repr(data.name) if isinstance(data, Bundled) else "a CSV file's"
        yield f"size.axis: {axis!r} needs generated data; this is {source}"
    if axis == "width" and not hidden:
        yield "size.axis: 'width' needs a hidden layer before the last one"
    if axis == "depth" and hidden != 1:
        yield f"size.axis: 'depth' repeats one hidden layer, and here are {hidden}"
    if len(set(values)) < len(values):
        yield "size.values: a size is there twice"


def check_size(where: object, size: int, axis: Axis) -> None:
    """Raise `UserError` for a size that a model cannot take along this axis."""
    if axis == "depth" and size > _DEEPEST:
        raise UserError(f"{where}: depth must be at most {_DEEPEST}, got {size}")


def optimizer_of(rate: float | None, keys: OptimizerKeys | None) -> Optimizer:
    """Return the optimizer for the plain rate or the table [optimizer].

    Raises `UserError` naming the key if they are missing or do not fit.
    """
    if keys is None:
        if rate is None:
            raise UserError("Object missing required field `rate`, or a table [optimizer]")
        return Sgd(rate=rate)
    if rate is not None:
        raise UserError("rate: belongs in the table [optimizer] where there is one")
    if keys.name == "sgd" and keys.rate is None:
        raise UserError("optimizer: Object missing required field `rate`, such as rate = 0.1")
    kind = _KINDS[keys.name]
    options = [field.name for field in fields(kind)]
    stated = {key: value for key, value in asdict(keys).items() if value is not None}
    del stated["name"]
    for key in stated:
        if key not in options:
            raise UserError(f"optimizer.{key}: {keys.name!r} takes {', '.join(options)}")
    if keys.nesterov and not keys.momentum:
        raise UserError("optimizer.nesterov: needs momentum above 0, such as momentum = 0.9")
    return kind(**stated)
