"""Problems described by their shape alone: ``mlp:1000x20x64``, and families through one of them.

A reference holds the rows, the features and the width of each hidden layer; one output follows.
Then may come, in this order and each after a colon, a number of classes (``10c``), a batch
(``128b``), ``adam`` or ``adamw``, ``host`` for batches fed from host memory, and a number of models
trained at once (``400m``): ``mlp:60000x784x128:10c:128b:adam:host:400m``. What is left out is one
output, all rows, plain sgd, resident data and one model.

With ``*`` in place of the rows, the features, the hidden widths, the batch or the models it is a
family, and a size at the end makes that a problem again: ``mlp:*x20x64:1000``
is the problem above as a member of a family whose axis is the rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import sqrt
from typing import Any, Literal

from perceptron.errors import UserError
from perceptron.problems.datasets import Clusters, Dataset, Separable
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd
from perceptron.problems.problem import Activation, Feed, Layer, Loss, Problem
from perceptron.problems.start import FanInStart

Axis = Literal["rows", "features", "hidden", "batch", "models"]

FORM = "mlp:ROWSxFEATURESxHIDDEN"
_PREFIX = "mlp:"
_EXAMPLES: dict[str, str] = {
    "": "mlp:1000x20x64",
    "rows": "mlp:*x20x64:1000",
    "features": "mlp:1000x*x64:20",
    "hidden": "mlp:1000x20x*:64",
    "classes": "mlp:1000x20x64:10c",
    "batch": "mlp:1000x20x64:128b",
    "batch size": "mlp:1000x20x64:*b:128",
    "host": "mlp:1000x20x64:128b:host",
    "models": "mlp:1000x20x64:400m",
    "models size": "mlp:1000x20x64:*m:400",
    "all": "mlp:60000x784x128:10c:128b:adam:host:400m",
}

_LARGEST = 999_999_999
_DEEPEST = 64

_COUNT = re.compile(r"(?P<count>[-+.\d]*|\*)(?P<unit>[cbm])")
_UNITS = {"c": "classes", "b": "batch", "m": "models"}
_WORDS = {"adam": "optimizer", "adamw": "optimizer", "host": "feed"}
_ORDER = ("classes", "batch", "optimizer", "feed", "models")
_UNWRITTEN = ("sgd", "resident", "1m")


@dataclass(frozen=True)
class Shape:
    """Rows, features and the width of each hidden layer, and how it is trained.

    Without hidden layers it is a perceptron. ``classes`` None means one output, ``batch`` None all
    rows; sgd is the plain one, and optimizers have the rates of `find`. ``models`` are trained at
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
        _check_depth(len(self.hidden))
        for index, number in enumerate((self.rows, self.features, *self.hidden)):
            _number(_name_of(index), str(number))
        if self.classes is not None and not 2 <= self.classes <= self.rows:
            raise UserError(
                f"classes: {self.classes} is not between 2 and the {self.rows} rows, "
                f"such as {_EXAMPLES['classes']}"
            )
        if self.batch is not None and not 1 <= self.batch <= self.rows:
            raise UserError(
                f"batch: {self.batch} is not between 1 and the {self.rows} rows, "
                f"such as {_EXAMPLES['batch']}"
            )
        if self.feed == "host" and self.batch is None:
            raise UserError(f"feed: host is for batches: give a batch, such as {_EXAMPLES['host']}")
        _number("models", str(self.models))

    @property
    def reference(self) -> str:
        """The text that `parse` reads back as this shape."""
        return self._text()

    def axes(self) -> tuple[Axis, ...]:
        """Return what can be varied: hidden layers and the batch if there are any."""
        axes: list[Axis] = ["rows", "features"]
        if self.hidden:
            axes.append("hidden")
        if self.batch is not None:
            axes.append("batch")
        return (*axes, "models")

    def family(self, axis: Axis) -> str:
        """Name the problems that differ from this shape along ``axis``, where a star stands.

        Along ``hidden`` all hidden layers have one width, whatever they have here.
        Raises `UserError` where there is no hidden layer, or no batch.
        """
        if axis not in self.axes():
            what = "hidden layer" if axis == "hidden" else "batch"
            raise UserError(f"{self.reference} has no {what} to vary")
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
    """Return whether a reference is meant as a shape or a family of them, right or wrong."""
    return reference.startswith(_PREFIX)


def parse(reference: str) -> Shape:
    """Read the shape in a reference, with a family's size in place of the star.

    >>> parse("mlp:*x20x64:1000") == Shape(1000, 20, (64,))
    True

    Raises `UserError` that says what is wrong, with an example.
    """
    return _read(reference)[0]


def axis_of(family: str) -> str | None:
    """Return what a starred family varies, in words; None for any other family.

    >>> axis_of("mlp:1000x20x*")
    'hidden width'
    """
    try:
        numbers, parts, size = _split(family)
        axis = _starred(numbers, parts)
        if axis is None or size is not None:
            return None
        for index, word in enumerate(numbers):
            if word != "*":
                _number(_name_of(index), word)
    except UserError:
        return None
    return _in_words(axis)


def find(reference: str) -> Problem:
    """Find the problem of this shape; its size is the number of rows, or what follows the star.

    With classes the data are clusters and hidden layers are relu, and the loss is cross-entropy.
    Else data, activations, losses and starts are those of the families `perceptron-rows` (no hidden
    layer), `mlp-width` (one) and `mlp-depth` (several). Raises as `parse` does.
    """
    shape, axis = _read(reference)
    sizes: dict[Axis, int] = {
        "rows": shape.rows,
        "features": shape.features,
        "hidden": max(shape.hidden, default=0),
        "batch": shape.batch or shape.rows,
        "models": shape.models,
    }
    deep = len(shape.hidden) > 1
    dataset: Dataset = Separable("separable points", shape.rows, shape.features)
    hidden: Activation = "tanh" if deep else "sigmoid"
    last = Layer(1, "sigmoid")
    loss: Loss = "mse" if shape.hidden else "l1-mean"
    if shape.classes is not None:
        dataset = Clusters("clusters", shape.rows, shape.features, classes=shape.classes)
        hidden, last, loss = "relu", Layer(shape.classes, "identity"), "cross-entropy"
    optimizer: Optimizer = AdamW() if shape.optimizer == "adamw" else Adam()
    if shape.optimizer == "sgd":
        step_rows = shape.batch or shape.rows
        optimizer = Sgd(rate=stable_rate(step_rows, shape.features, shape.hidden, shape.classes))
    return Problem(
        name=reference,
        family=shape.reference if axis is None else shape.family(axis),
        axes=() if axis is None else (_in_words(axis),),
        size=sizes[axis or "rows"],
        dataset=dataset,
        layers=(*(Layer(width, hidden) for width in shape.hidden), last),
        loss=loss,
        optimizer=optimizer,
        start=FanInStart(stable_gain(deep, shape.classes)),
        batch=shape.batch,
        feed=shape.feed,
        models=shape.models,
    )


def _starred(numbers: Sequence[str], parts: Mapping[str, str]) -> Axis | None:
    """Return where the star is; raise `UserError` for stars that make no family."""
    rows, features, *hidden = (word == "*" for word in numbers)
    if any(hidden) and not all(hidden):
        raise UserError("star every hidden layer or none, such as mlp:1000x20x*x*:64")
    if parts.get("classes") == "*":
        raise UserError("classes are not varied: star rows, features, hidden, batch or models")
    stars: dict[Axis, bool] = {
        "rows": rows,
        "features": features,
        "hidden": any(hidden),
        "batch": parts.get("batch") == "*",
        "models": parts.get("models") == "*",
    }
    axes = [axis for axis, is_starred in stars.items() if is_starred]
    if len(axes) > 1:
        names = " and ".join(map(_in_words, axes))
        raise UserError(f"stars at {names}: star one of them, such as {_example(axes[0])}")
    return axes[0] if axes else None


def _read(reference: str) -> tuple[Shape, Axis | None]:
    """Return the shape and which axis was starred, if one was."""
    try:
        numbers, typed, size = _split(reference)
        axis = _starred(numbers, typed)
        if axis is None and size is not None:
            raise UserError(f"a size needs a star in its place, such as {_EXAMPLES['rows']}")
        if axis is not None and not size:
            raise UserError(f"needs a size, its {_in_words(axis)}, such as {_example(axis)}")

        def number(name: str, word: str) -> int:
            return _number(name, size if size and word == "*" else word)

        rows, features, *hidden = (
            number(_name_of(index), word) for index, word in enumerate(numbers)
        )
        parts: dict[str, Any] = {
            name: number(name, word) if name in _UNITS.values() else word
            for name, word in typed.items()
        }
        return Shape(rows, features, tuple(hidden), **parts), axis
    except UserError as error:
        raise UserError(f"problem {reference!r}: {error}") from None


def _split(reference: str) -> tuple[tuple[str, ...], dict[str, str], str | None]:
    """Take a reference apart: numbers, parts by their names of `_ORDER`, and size, as typed.

    A star may stand in place of each. Raises `UserError` for a part that is none, or is out of
    order.
    """
    first, *words = reference.removeprefix(_PREFIX).split(":")
    numbers = tuple(first.split("x"))
    if not reference.startswith(_PREFIX) or len(numbers) < 2:
        raise UserError(
            f"needs rows, features and the width of each hidden layer, such as {_EXAMPLES['']}"
        )
    _check_depth(len(numbers) - 2)
    parts: dict[str, str] = {}
    size = None
    for index, word in enumerate(words):
        match = _COUNT.fullmatch(word)
        name = _UNITS[match["unit"]] if match else _WORDS.get(word)
        if name and word not in _UNWRITTEN:
            _check_order(name, word, parts)
            parts[name] = match["count"] if match else word
        elif index == len(words) - 1 and _is_size(word, "*" in (*numbers, *parts.values())):
            size = word
        else:
            raise _not_a_part(word)
    return numbers, parts, size


def _name_of(index: int) -> str:
    """Name the number at this place of ``ROWSxFEATURESxHIDDEN``."""
    return f"width of hidden layer {index - 1}" if index > 1 else ("rows", "features")[index]


def _number(name: str, word: str) -> int:
    """Return the whole number that a word is; raise `UserError` that begins with ``name``."""
    # No leading zeros: a problem has one name.
    if not re.fullmatch(r"[1-9][0-9]{0,8}", word):
        example = _EXAMPLES[name if name in _UNITS.values() else ""]
        raise UserError(
            f"{name}: {word!r} is no whole number from 1 to {_LARGEST:,}, such as {example}"
        )
    return int(word)


def _check_depth(depth: int) -> None:
    """Raise `UserError` for more hidden layers than any model has."""
    if depth > _DEEPEST:
        raise UserError(f"{depth} hidden layers are too many: give at most {_DEEPEST}")


def _is_size(word: str, has_star: bool) -> bool:
    if word in _UNWRITTEN or get_close_matches(word, _WORDS):
        return False
    return has_star or word == "" or word.isdecimal()


def _check_order(name: str, word: str, before: Mapping[str, str]) -> None:
    if name in before:
        raise UserError(f"{name} given twice, last as {word!r}")
    for other in before:
        if _ORDER.index(other) > _ORDER.index(name):
            raise UserError(f"{word!r} must come before the {other}: {_EXAMPLES['all']}")


def _not_a_part(word: str) -> UserError:
    if word in _UNWRITTEN:
        return UserError(f"{word!r} goes without saying: leave out ':{word}'")
    if word.isdecimal():
        return UserError(f"{word!r}: a size comes last, such as {_EXAMPLES['rows']}")
    near = get_close_matches(word, _WORDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"use the parts of {_EXAMPLES['all']}"
    return UserError(f"{word!r} is no part of a shape: {hint}")


def _in_words(axis: Axis) -> str:
    return "hidden width" if axis == "hidden" else axis


def _example(axis: Axis) -> str:
    return _EXAMPLES.get(f"{axis} size", _EXAMPLES[axis])


# Descent is stable up to 2/λ, λ the steepest curvature (LeCun et al., Efficient BackProp, 1998,
# §5.1). With S, which adds up over the layers the steepest direction of a layer's inputs and bias
# times how much the outputs feel that layer, λ is about S/8 at most for the mean square of a
# sigmoid, and S/2 for cross-entropy, whose curvature along two classes of p = 1/2 is p.


def stable_gain(deep: bool, classes: int | None) -> float:
    """Return the gain of a `FanInStart` with which several hidden layers pass a signal on.

    relu needs √6 (He et al., Delving Deep into Rectifiers, 2015), tanh 2.
    """
    if not deep:
        return 1.0
    return 2.0 if classes is None else sqrt(6.0)


def stable_rate(rows: int, features: int, hidden: Sequence[int], classes: int | None) -> float:
    """Return a rate by which ten iterations move the network and descent stays stable.

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
        # What enters here has passed the narrowest layer so far, which limits its directions; one
        # of them holds this share of the variance, again by Marchenko and Pastur.
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
        # The steepest direction of the weights that the logits feel this layer through.
        felt = (1.0 if deep else 1.0 / 6.0) * (1.0 + sqrt(classes / min(hidden[index:]))) ** 2
        total += felt * (1.0 + inputs)
    return total
