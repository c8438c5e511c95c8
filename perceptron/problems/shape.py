"""Problems described by their shape, such as ``mlp:1000x20x64``, and families of shapes.

A reference holds the rows, the features and the width of each hidden layer; there is one output.
Options follow, in this order and each after a colon: a number of classes (``10c``), a batch
(``128b``), ``adam`` or ``adamw``, ``host`` for batches fed from host memory, and a number of models
trained at once (``400m``): ``mlp:60000x784x128:10c:128b:adam:host:400m``. The defaults are one
output, all rows, plain sgd, resident data and one model.

With ``*`` in place of the rows, the features, the hidden widths, the batch or the models it is a
family, and a size at the end selects a problem of it: ``mlp:*x20x64:1000`` is the problem above as
a member of a family whose axis is the rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, get_args

from perceptron.errors import UserError
from perceptron.problems.datasets import Clusters, Dataset, Separable
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd
from perceptron.problems.problem import Activation, Feed, Layer, Loss, Problem
from perceptron.problems.start import FanInStart

Axis = Literal["rows", "features", "hidden", "batch", "models"]
_AXES: tuple[Axis, ...] = get_args(Axis)

FORM = "mlp:ROWSxFEATURESxHIDDEN"
_PREFIX = "mlp:"
_LARGEST = 999_999_999
_DEEPEST = 64

# No leading zeros: each problem has a single name.
_NUMBER = "[1-9][0-9]{0,8}"
_STARRED = rf"(?:\*|{_NUMBER})"
_REFERENCE = re.compile(
    rf"{_PREFIX}(?P<rows>{_STARRED})x(?P<features>{_STARRED})(?P<hidden>(?:x{_STARRED})*)"
    rf"(?::(?P<classes>{_NUMBER})c)?(?::(?P<batch>{_STARRED})b)?"
    rf"(?::(?P<optimizer>adamw?))?(?::(?P<feed>host))?(?::(?P<models>{_STARRED})m)?"
    rf"(?::(?P<size>{_NUMBER}))?"
)


@dataclass(frozen=True)
class Shape:
    """Rows, features and the width of each hidden layer, and how it is trained.

    Without hidden layers it is a perceptron. ``classes`` None means one output, ``batch`` None all
    rows. ``sgd`` has no momentum and no decay; `find` sets the rates. ``models`` are trained at
    once.

    Raises `UserError` for a number outside 1 to 999,999,999, for more than 64 hidden layers, and
    for classes or a batch that the rows cannot fill.
    """

    rows: int
    features: int
    hidden: tuple[int, ...] = ()
    classes: int | None = None
    batch: int | None = None
    optimizer: OptimizerName = "sgd"
    feed: Feed = "resident"
    models: int = 1

    def __post_init__(self) -> None:
        if len(self.hidden) > _DEEPEST:
            raise UserError(
                f"{len(self.hidden)} hidden layers are too many: give at most {_DEEPEST}"
            )
        sizes = {"rows": self.rows, "features": self.features, "models": self.models}
        for name, number in (*sizes.items(), *(("hidden", width) for width in self.hidden)):
            if not 1 <= number <= _LARGEST:
                raise UserError(f"{name}: {number} is no whole number from 1 to {_LARGEST:,}")
        if self.classes is not None and not 2 <= self.classes <= self.rows:
            raise UserError(
                f"classes: {self.classes} is not between 2 and the {self.rows} rows, "
                "such as mlp:1000x20x64:10c"
            )
        if self.batch is not None and not 1 <= self.batch <= self.rows:
            raise UserError(
                f"batch: {self.batch} is not between 1 and the {self.rows} rows, "
                "such as mlp:1000x20x64:128b"
            )
        if self.feed == "host" and self.batch is None:
            raise UserError(
                "feed: host is for batches: give a batch, such as mlp:1000x20x64:128b:host"
            )

    @property
    def reference(self) -> str:
        """The text that `parse` reads back as this shape."""
        return self._text()

    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that can be varied: ``hidden`` and ``batch`` only if there are any."""
        axes: list[Axis] = ["rows", "features"]
        if self.hidden:
            axes.append("hidden")
        if self.batch is not None:
            axes.append("batch")
        return (*axes, "models")

    def family(self, axis: Axis) -> str:
        """Return the family that varies this shape along ``axis``: a reference with a star there.

        Along ``hidden`` all hidden layers have one width, whatever their widths in this shape.
        """
        return self._text(starred=axis)

    def _text(self, starred: Axis | None = None) -> str:
        def number(axis: Axis, value: int) -> str:
            return "*" if axis == starred else str(value)

        numbers = [number("rows", self.rows), number("features", self.features)]
        numbers += [number("hidden", width) for width in self.hidden]
        parts = [_PREFIX + "x".join(numbers)]
        if self.classes is not None:
            parts.append(f"{self.classes}c")
        if self.batch is not None:
            parts.append(f"{number('batch', self.batch)}b")
        if self.optimizer != "sgd":
            parts.append(self.optimizer)
        if self.feed == "host":
            parts.append("host")
        if self.models > 1 or starred == "models":
            parts.append(f"{number('models', self.models)}m")
        return ":".join(parts)


def is_shape(reference: str) -> bool:
    """Return whether a reference has the prefix of shapes; it need not be valid."""
    return reference.startswith(_PREFIX)


def in_words(axis: Axis) -> str:
    """Return the name of an axis in problems and tables."""
    return "hidden width" if axis == "hidden" else axis


def parse(reference: str) -> Shape:
    """Read the shape in a reference, with a family's size in place of the star.

    >>> parse("mlp:*x20x64:1000") == Shape(1000, 20, (64,))
    True

    Raises `UserError` with the fault, or with the form of a shape.
    """
    return _read(reference)[0]


def find(reference: str) -> Problem:
    """Find the problem of this shape; its size is the number of rows, or of the starred axis.

    With classes the data are clusters and hidden layers are relu, and the loss is cross-entropy.
    Else data, activations, losses and starts are those of the families `perceptron-rows` (no hidden
    layer), `mlp-width` (one) and `mlp-depth` (several). Raises as `parse` does.
    """
    shape, axis, size = _read(reference)
    deep = len(shape.hidden) > 1
    dataset: Dataset = Separable("separable points", shape.rows, shape.features)
    hidden: Activation = "tanh" if deep else "sigmoid"
    output = Layer(1, "sigmoid")
    loss: Loss = "mse" if shape.hidden else "l1-mean"
    if shape.classes is not None:
        dataset = Clusters("clusters", shape.rows, shape.features, classes=shape.classes)
        hidden, output, loss = "relu", Layer(shape.classes, "identity"), "cross-entropy"
    optimizer: Optimizer = AdamW() if shape.optimizer == "adamw" else Adam()
    if shape.optimizer == "sgd":
        step_rows = shape.batch or shape.rows
        optimizer = Sgd(rate=stable_rate(step_rows, shape.features, shape.hidden, shape.classes))
    return Problem(
        name=reference,
        family=shape.reference if axis is None else shape.family(axis),
        axes=() if axis is None else (in_words(axis),),
        size=size,
        dataset=dataset,
        layers=(*(Layer(width, hidden) for width in shape.hidden), output),
        loss=loss,
        optimizer=optimizer,
        start=FanInStart(stable_gain(deep, shape.classes)),
        batch=shape.batch,
        feed=shape.feed,
        models=shape.models,
    )


def _read(reference: str) -> tuple[Shape, Axis | None, int]:
    """Return the shape, the starred axis or None, and the size along it, else the rows."""
    try:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise UserError(
                "write shapes as mlp:60000x784x128:10c:128b:adam:host:400m, in this order, with "
                f"numbers from 1 to {_LARGEST:,}"
            )
        typed: dict[str, Any] = match.groupdict()
        size = match["size"]
        starred = [axis for axis in _AXES if "*" in (typed[axis] or "")]
        if len(starred) > 1 or len(starred) != (size is not None):
            raise UserError("give one star and its size at the end, such as mlp:*x20x64:1000")

        def number(word: str) -> int:
            return int(size if size and word == "*" else word)

        shape = Shape(
            number(typed["rows"]),
            number(typed["features"]),
            tuple(map(number, typed["hidden"].split("x")[1:])),
            classes=typed["classes"] and number(typed["classes"]),
            batch=typed["batch"] and number(typed["batch"]),
            optimizer=typed["optimizer"] or "sgd",
            feed=typed["feed"] or "resident",
            models=number(typed["models"] or "1"),
        )
        axis = starred[0] if starred else None
        if reference != (f"{shape.family(axis)}:{size}" if axis else shape.reference):
            has_one_model = typed["models"] == "1"
            raise UserError(
                "leave out ':1m'" if has_one_model else "star every hidden layer or none"
            )
        return shape, axis, int(size or shape.rows)
    except UserError as error:
        raise UserError(f"problem {reference!r}: {error}") from None


# Descent is stable up to 2/λ, λ the steepest curvature (LeCun et al., Efficient BackProp, 1998,
# §5.1). With S, which adds up over the layers the steepest direction of a layer's inputs and bias
# times how much the outputs feel that layer, λ is about S/8 at most for the mean square of a
# sigmoid, and S/2 for cross-entropy, whose curvature along two classes of p = 1/2 is p.


def stable_gain(deep: bool, classes: int | None) -> float:
    """Return the gain of a `FanInStart` that keeps the signal through several hidden layers.

    relu needs √6 (He et al., Delving Deep into Rectifiers, 2015), tanh 2.
    """
    if not deep:
        return 1.0
    return 2.0 if classes is None else sqrt(6.0)


def stable_rate(rows: int, features: int, hidden: Sequence[int], classes: int | None) -> float:
    """Return a rate at which ten iterations move the network and descent stays stable.

    Steps are on ``rows`` rows, and several hidden layers start with `stable_gain`.
    """
    if classes is not None:
        # Half of the limit, 2/(S/2).
        return 2.0 / _steepness_of_relu(rows, features, hidden, classes)
    # The steepest direction of the features (Marchenko and Pastur, 1967), which have variance 1.
    steepest = (1.0 + sqrt(features / rows)) ** 2
    if not hidden:
        return 4.0 / steepest
    if len(hidden) == 1:
        # Hidden sigmoids average 1/2: their mean is the steepest direction of the output layer.
        # The other layer is felt by 1/48 and takes over where features far outnumber rows.
        return 16.0 / max(4.0 + hidden[0] / 4.0, steepest / 12.0)
    # A quarter of 16/S: at half of it, some trainings on two rows are chaotic, and rounding grows.
    return 4.0 / _steepness_of_tanh(rows, features, hidden)


def _steepness_of_tanh(rows: int, features: int, hidden: Sequence[int]) -> float:
    """Return S for several hidden layers of tanh that start with gain 2."""
    widths = (features, *hidden)
    total = 0.0
    for index, width in enumerate(widths):
        # The inputs have passed the narrowest layer so far, which limits their directions; one
        # direction holds this share of the variance, again by Marchenko and Pastur.
        narrowest = min(widths[: index + 1])
        share = min(1.0, (1.0 / sqrt(narrowest) + 1.0 / sqrt(rows)) ** 2)
        mean_square = 0.4 if index else 1.0  # of a tanh; of a feature
        # Squared weights of a neuron add up to 4/3, squared slopes of tanh average about 1/2.
        sensitivity = 1.0 if index == len(hidden) else 2.0 / 3.0
        total += sensitivity * (1.0 + width * mean_square * share)
    return total


def _steepness_of_relu(rows: int, features: int, hidden: Sequence[int], classes: int) -> float:
    """Return S for hidden layers of relu, on clusters (`datasets.Clusters`)."""
    between = 9.0 / (features + 9.0)  # the variance of the centres; the rest is within a cluster
    within = (1.0 - between) * (1.0 + sqrt(features / rows)) ** 2
    steepest = within + between * (1.0 + sqrt(features / min(classes, rows))) ** 2
    # Squared weights of a neuron add up to 1/3 or 2, and half of the neurons let a signal through:
    # the mean square of a layer's values is 1/6 in the first case and stays 1 in the second. They
    # have one sign, so one direction may hold nearly all of it.
    deep = len(hidden) > 1
    total = 1.0 + (hidden[-1] * (1.0 if deep else 1.0 / 6.0) if hidden else steepest)
    for index in range(len(hidden)):
        inputs = hidden[index - 1] if index else steepest
        # The steepest direction of the weights between this layer and the logits.
        sensitivity = (1.0 if deep else 1.0 / 6.0) * (
            1.0 + sqrt(classes / min(hidden[index:]))
        ) ** 2
        total += sensitivity * (1.0 + inputs)
    return total
