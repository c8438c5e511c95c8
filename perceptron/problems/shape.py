"""Problems described by their shape alone: ``mlp:1000x20x64``, and families through one of them.

A reference holds the rows, the features and the width of each hidden layer; one output follows.
With ``*`` in place of one of them it is a family, and a size after a colon makes that a problem
again: ``mlp:*x20x64:1000`` is the problem above as a member of a family whose axis is the rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from perceptron.errors import UserError
from perceptron.problems.datasets import Separable
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart

Axis = Literal["rows", "features", "hidden"]

FORM = "mlp:ROWSxFEATURESxHIDDEN"

_PREFIX = "mlp:"
_EXAMPLES: dict[Axis | None, str] = {
    None: "mlp:1000x20x64",
    "rows": "mlp:*x20x64:1000",
    "features": "mlp:1000x*x64:20",
    "hidden": "mlp:1000x20x*:64",
}
_WORDS: dict[Axis, str] = {"rows": "rows", "features": "features", "hidden": "hidden width"}

_LARGEST = 999_999_999
_DEEPEST = 64


@dataclass(frozen=True)
class Shape:
    """Rows, features and the width of each hidden layer; none of those for a perceptron.

    Raises `UserError` for a number outside 1 to 999,999,999 and for more than 64 hidden layers.
    """

    rows: int
    features: int
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_depth(len(self.hidden))
        numbers = (self.rows, self.features, *self.hidden)
        for index, number in enumerate(numbers):
            if not 1 <= number <= _LARGEST:
                raise UserError(_not_a_number(index, str(number)))

    @property
    def reference(self) -> str:
        """What `parse` reads back as this shape."""
        return self._text(str(self.rows), str(self.features), [str(width) for width in self.hidden])

    def axes(self) -> tuple[Axis, ...]:
        """Return what can be varied, hidden layers if there are any."""
        return ("rows", "features", "hidden") if self.hidden else ("rows", "features")

    def family(self, axis: Axis) -> str:
        """Name the problems that differ from this shape along ``axis``, where a star stands.

        Along ``hidden`` all hidden layers have one width, whatever they have here.
        Raises `UserError` where there is no hidden layer.
        """
        self._check_axis(axis)
        return self._text(
            "*" if axis == "rows" else str(self.rows),
            "*" if axis == "features" else str(self.features),
            ["*" if axis == "hidden" else str(width) for width in self.hidden],
        )

    def with_size(self, axis: Axis, size: int) -> Shape:
        """Return this shape with ``size`` along ``axis``: what ``f"{family(axis)}:{size}"`` names.

        Raises `UserError` for an impossible size, and as `family` does.
        """
        self._check_axis(axis)
        if axis == "rows":
            return replace(self, rows=size)
        if axis == "features":
            return replace(self, features=size)
        return replace(self, hidden=(size,) * len(self.hidden))

    def _check_axis(self, axis: Axis) -> None:
        if axis == "hidden" and not self.hidden:
            raise UserError(f"{self.reference} has no hidden layer to vary")

    @staticmethod
    def _text(rows: str, features: str, hidden: Sequence[str]) -> str:
        return _PREFIX + "x".join((rows, features, *hidden))


def is_shape(reference: str) -> bool:
    """Return whether a reference is meant as a shape or a family of them, right or wrong."""
    return reference.startswith(_PREFIX)


def parse(reference: str) -> Shape:
    """Read the shape in a reference, with a family's size in place of the star.

    >>> parse("mlp:*x20x64:1000")
    Shape(rows=1000, features=20, hidden=(64,))

    Raises `UserError` that says what is wrong, with an example.
    """
    return _read(reference)[0]


def axis_of(family: str) -> str | None:
    """Return what a starred family varies, in words; None for any other family.

    >>> axis_of("mlp:1000x20x*")
    'hidden width'
    """
    try:
        _, axis = _read(f"{family}:1")
    except UserError:
        return None
    return None if axis is None else _WORDS[axis]


def find(reference: str) -> Problem:
    """Find the problem of this shape; its size is the number of rows, or what follows the colon.

    Data, activations, losses and starts are those of the families `perceptron-rows` (no hidden
    layer), `mlp-width` (one) and `mlp-depth` (several). Raises as `parse` does.
    """
    shape, axis = _read(reference)
    sizes: dict[Axis, int] = {
        "rows": shape.rows,
        "features": shape.features,
        "hidden": max(shape.hidden, default=0),
    }
    deep = len(shape.hidden) > 1
    return Problem(
        name=reference,
        family=shape.reference if axis is None else shape.family(axis),
        axes=() if axis is None else (_WORDS[axis],),
        size=sizes[axis or "rows"],
        dataset=Separable("separable points", shape.rows, shape.features),
        layers=(
            *(Layer(width, "tanh" if deep else "sigmoid") for width in shape.hidden),
            Layer(1, "sigmoid"),
        ),
        loss="mse" if shape.hidden else "l1-mean",
        optimizer=Sgd(rate=_rate(shape)),
        start=FanInStart(2.0 if deep else 1.0),
    )


def _rate(shape: Shape) -> float:
    """Return a rate at which ten iterations move everything and descent stays stable.

    Descent is stable up to 2/λ, λ the steepest curvature (LeCun et al., Efficient BackProp, 1998,
    §5.1). The mean square of a sigmoid has λ about S/8 at most, where S adds up, over the
    layers, the steepest direction of a layer's inputs and bias times how much the output's logit
    feels that layer.
    """
    # The steepest direction of the features (Marchenko and Pastur, 1967), which have variance 1.
    steepest = (1.0 + sqrt(shape.features / shape.rows)) ** 2
    if not shape.hidden:
        return 4.0 / steepest
    if len(shape.hidden) == 1:
        # Hidden sigmoids average 1/2: their mean is the steepest direction of the output layer.
        # The other layer is felt by 1/48 and takes over where features far outnumber rows.
        return 16.0 / max(4.0 + shape.hidden[0] / 4.0, steepest / 12.0)
    # A quarter of 16/S: at half of it, some trainings on two rows are chaotic, and rounding grows.
    return 4.0 / _steepness_of_tanh(shape)


def _steepness_of_tanh(shape: Shape) -> float:
    """Return S of `_rate` for several hidden layers of tanh that start with gain 2."""
    widths = (shape.features, *shape.hidden)
    total = 0.0
    for index, width in enumerate(widths):
        # What enters here has passed the narrowest layer so far, which limits its directions; one
        # of them holds this share of the variance, again by Marchenko and Pastur.
        narrowest = min(widths[: index + 1])
        share = min(1.0, (1.0 / sqrt(narrowest) + 1.0 / sqrt(shape.rows)) ** 2)
        mean_square = 0.4 if index else 1.0  # of a tanh; of a feature
        # Squared weights of a neuron add up to 4/3, squared slopes of tanh average about 1/2.
        sensitivity = 1.0 if index == len(shape.hidden) else 2.0 / 3.0
        total += sensitivity * (1.0 + width * mean_square * share)
    return total


def _read(reference: str) -> tuple[Shape, Axis | None]:
    """Return the shape and which axis was starred, if one was."""
    text, colon, size = reference.removeprefix(_PREFIX).partition(":")
    words = text.split("x")
    if not is_shape(reference) or len(words) < 2:
        raise UserError(
            f"problem {reference!r} needs rows, features and the width of each hidden layer, "
            f"such as {_EXAMPLES[None]}"
        )
    try:
        _check_depth(len(words) - 2)
        axis = _starred(words)
        if axis is None and colon:
            raise UserError(f"a size needs a star in its place, such as {_EXAMPLES['rows']}")
        if axis is not None and not size:
            raise UserError(f"needs a size, its {_WORDS[axis]}, such as {_EXAMPLES[axis]}")
        numbers = [size if word == "*" else word for word in words]
        rows, features, *hidden = (_number(index, word) for index, word in enumerate(numbers))
        return Shape(rows, features, tuple(hidden)), axis
    except UserError as error:
        raise UserError(f"problem {reference!r}: {error}") from None


def _starred(words: Sequence[str]) -> Axis | None:
    rows, features, *hidden = (word == "*" for word in words)
    if any(hidden) and not all(hidden):
        raise UserError("star every hidden layer or none, such as mlp:1000x20x*x*:64")
    stars: dict[Axis, bool] = {"rows": rows, "features": features, "hidden": any(hidden)}
    starred = [axis for axis, is_starred in stars.items() if is_starred]
    if len(starred) > 1:
        names = " and ".join(_WORDS[axis] for axis in starred)
        raise UserError(f"stars at {names}: star one of them, such as {_EXAMPLES[starred[0]]}")
    return starred[0] if starred else None


def _number(index: int, word: str) -> int:
    # No leading zeros: a problem has one name.
    if not re.fullmatch(r"[1-9][0-9]{0,8}", word):
        raise UserError(_not_a_number(index, word))
    return int(word)


def _not_a_number(index: int, word: str) -> str:
    what = f"width of hidden layer {index - 1}" if index > 1 else ("rows", "features")[index]
    return f"{what}: {word!r} is no whole number from 1 to {_LARGEST:,}, such as {_EXAMPLES[None]}"


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise UserError(f"{depth} hidden layers are too many: give at most {_DEEPEST}")
