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

from dataclasses import dataclass, replace

from perceptron.errors import UserError
from perceptron.problems import shape_words, stable_rate
from perceptron.problems.datasets import Clusters, Dataset, Separable
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd
from perceptron.problems.problem import Feed, Layer, Loss, Problem
from perceptron.problems.shape_words import EXAMPLES, FORM, PREFIX, WORDS, Axis
from perceptron.problems.start import FanInStart

__all__ = ["FORM", "Axis", "Shape", "axis_of", "find", "is_shape", "parse"]


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
        shape_words.check_depth(len(self.hidden))
        for index, number in enumerate((self.rows, self.features, *self.hidden)):
            shape_words.number(shape_words.name_of(index), str(number))
        if self.classes is not None and not 2 <= self.classes <= self.rows:
            raise UserError(
                f"classes: {self.classes} is not between 2 and the {self.rows} rows, "
                f"such as {EXAMPLES['classes']}"
            )
        if self.batch is not None and not 1 <= self.batch <= self.rows:
            raise UserError(
                f"batch: {self.batch} is not between 1 and the {self.rows} rows, "
                f"such as {EXAMPLES['batch']}"
            )
        if self.feed == "host" and self.batch is None:
            raise UserError(f"host is for batches: give a batch, such as {EXAMPLES['host']}")
        shape_words.number("models", str(self.models))

    @property
    def reference(self) -> str:
        """What `parse` reads back as this shape."""
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
        parts = [PREFIX + "x".join(numbers)]
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
    return reference.startswith(PREFIX)


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
        words = shape_words.split(family)
        axis = words.starred()
        if axis is None or words.size is not None:
            return None
        tuple(replace(words, size="1").with_size(axis).counts())
    except UserError:
        return None
    return WORDS[axis]


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
    return Problem(
        name=reference,
        family=shape.reference if axis is None else shape.family(axis),
        axes=() if axis is None else (WORDS[axis],),
        size=sizes[axis or "rows"],
        dataset=_dataset(shape),
        layers=_layers(shape),
        loss=_loss(shape),
        optimizer=_optimizer(shape),
        start=FanInStart(stable_rate.gain(deep, shape.classes)),
        batch=shape.batch,
        feed=shape.feed,
        models=shape.models,
    )


def _dataset(shape: Shape) -> Dataset:
    if shape.classes is None:
        return Separable("separable points", shape.rows, shape.features)
    return Clusters("clusters", shape.rows, shape.features, classes=shape.classes)


def _layers(shape: Shape) -> tuple[Layer, ...]:
    if shape.classes is not None:
        last = Layer(shape.classes, "identity")
        return (*(Layer(width, "relu") for width in shape.hidden), last)
    deep = len(shape.hidden) > 1
    hidden = (Layer(width, "tanh" if deep else "sigmoid") for width in shape.hidden)
    return (*hidden, Layer(1, "sigmoid"))


def _loss(shape: Shape) -> Loss:
    if shape.classes is not None:
        return "cross-entropy"
    return "mse" if shape.hidden else "l1-mean"


def _optimizer(shape: Shape) -> Optimizer:
    if shape.optimizer == "adam":
        return Adam()
    if shape.optimizer == "adamw":
        return AdamW()
    step_rows = shape.batch or shape.rows
    return Sgd(rate=stable_rate.rate(step_rows, shape.features, shape.hidden, shape.classes))


def _read(reference: str) -> tuple[Shape, Axis | None]:
    """Return the shape and which axis was starred, if one was."""
    try:
        words = shape_words.split(reference)
        axis = words.starred()
        words = words.with_size(axis)
        rows, features, *hidden = words.counts()
        shape = Shape(
            rows,
            features,
            tuple(hidden),
            classes=words.count("classes"),
            batch=words.count("batch"),
            optimizer=words.optimizer,
            feed=words.feed,
            models=words.count("models") or 1,
        )
        return shape, axis
    except UserError as error:
        raise UserError(f"problem {reference!r}: {error}") from None
