"""The keys of a model file: their names, types and ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, Literal, TypeVar, get_args, get_type_hints

from msgspec import Meta, Struct

from perceptron.problems.batches import Last
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import Activation, Feed, Loss

Axis = Literal["rows", "features", "width", "depth", "batch", "models"]
BundledName = Literal["digits", "breast-cancer"]

# Array libraries count in 32 bits here and there; a model beyond fits in no memory anyway.
Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Text = Annotated[str, Meta(min_length=1)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]


class Generated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data of this shape, made up from a fixed seed: separable points, or a cluster for a class."""

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
    """The optimizer; None leaves a value to it."""

    name: OptimizerName
    rate: Positive | None = None
    momentum: Fraction | None = None
    nesterov: bool | None = None
    betas: tuple[Fraction, Fraction] | None = None
    eps: Positive | None = None
    weight_decay: Annotated[float, Meta(ge=0)] | None = None


class SizeKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The number of the model that a sweep replaces, and by what."""

    axis: Axis
    values: Annotated[tuple[Count, ...], Meta(min_length=1)]


Data = TypeVar("Data", Generated, FromCsv, Bundled)


class Model(Struct, Generic[Data], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole model. ``size`` None means that it has one size only.

    ``models`` are trained at once; with ``folds`` each of them holds out a fold of its own.
    Plain sgd has its ``rate`` here or in ``optimizer``; ``iterations`` and ``epochs`` None mean
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


AnyData = Generated | FromCsv | Bundled
AnyModel = Model[Generated] | Model[FromCsv] | Model[Bundled]


def names_of(table: type[Struct], key: str) -> Sequence[str]:
    """Return the names that may stand at a key; none where it takes no name."""
    return _NAMES.get((table, key), ())


def _names(table: type[Struct]) -> dict[tuple[type[Struct], str], Sequence[str]]:
    names: dict[tuple[type[Struct], str], Sequence[str]] = {}
    for key, kind in get_type_hints(table).items():
        literals = [part for part in (kind, *get_args(kind)) if _is_literal(part)]
        for literal in literals:
            names[table, key] = get_args(literal)
    return names


def _is_literal(kind: object) -> bool:
    return getattr(kind, "__origin__", None) is Literal


_NAMES: dict[tuple[type[Struct], str], Sequence[str]] = {
    entry: names
    for table in (Generated, FromCsv, Bundled, LayerKeys, OptimizerKeys, SizeKeys, Model)
    for entry, names in _names(table).items()
}
