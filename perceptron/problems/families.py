"""Named problems, and families of problems that differ in size.

The named problems are those of the walk-through and two of scikit-learn. A family varies one size,
or two, and fixes the rest.

Rates are set so that ten iterations move the loss and every parameter by far more than rounding:
only then can agreement of two backends be shown. The steepest direction of a layer grows with its
inputs as (1 + √(features/rows))² (Marchenko and Pastur, 1967), so wide layers get smaller rates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import Any

from perceptron.errors import UserError
from perceptron.problems.datasets import (
    BREAST_CANCER,
    DIGITS,
    OR_GATE,
    SYMPTOMS,
    XOR,
    Clusters,
    Dataset,
    Separable,
)
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import Feed, Layer, Problem
from perceptron.problems.start import FanInStart, UnitStart

Size = tuple[int, ...]


def _as_published(name: str, dataset: Dataset) -> Problem:
    return Problem(
        name=name,
        family=name,
        size=dataset.rows,
        dataset=dataset,
        layers=(Layer(1, "sigmoid"),),
        loss="l1-sum",
        optimizer=Sgd(rate=0.05),
        start=UnitStart(),
    )


# A third is held out: enough to see ten mistakes of a model that is right about 97%.
DIGITS_IN_TWO = hold_out(DIGITS, 1 / 3)

NAMED: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        _as_published("or-gate", OR_GATE),
        _as_published("symptoms", SYMPTOMS),
        _as_published("xor", XOR),
        Problem(
            name="xor-hidden",
            family="xor-hidden",
            size=XOR.rows,
            dataset=XOR,
            layers=(Layer(4, "tanh"), Layer(1, "sigmoid")),
            loss="mse",
            optimizer=Sgd(rate=0.5),
            start=FanInStart(),
        ),
        Problem(
            name="breast-cancer",
            family="breast-cancer",
            size=BREAST_CANCER.rows,
            dataset=BREAST_CANCER,
            layers=(Layer(1, "sigmoid"),),
            loss="bce",
            optimizer=Sgd(rate=0.1),
            start=FanInStart(),
        ),
        Problem(
            name="digits",
            family="digits",
            size=DIGITS_IN_TWO.rows,
            dataset=DIGITS_IN_TWO,
            layers=(Layer(64, "relu"), Layer(10, "identity")),
            loss="cross-entropy",
            optimizer=Adam(rate=0.003),
            start=FanInStart(),
            batch=32,
            iterations=30 * 38,  # 30 epochs
        ),
    )
}


# The limits of shapes and of model files: larger problems fit in no memory, and each layer is an
# object.
_LARGEST = 999_999_999
_DEEPEST = 1024


@dataclass(frozen=True)
class Family:
    """Problems that differ in their size only.

    ``axes`` names the sizes that vary; ``sizes`` lists those of a sweep, one number for each axis.
    """

    name: str
    summary: str
    axes: tuple[str, ...]
    sizes: tuple[Size, ...]
    build: Callable[..., Problem]

    def problem(self, *size: int) -> Problem:
        """Return the problem of this size; raises `UserError` for a number that is out of range."""
        if len(size) != len(self.axes):
            form = "x".join(axis.upper() for axis in self.axes)
            raise UserError(f"family {self.name!r} takes a size of the form {form}")
        for axis, number in zip(self.axes, size, strict=True):
            most = _DEEPEST if axis == "depth" else _LARGEST
            if not 1 <= number <= most:
                raise UserError(
                    f"family {self.name!r}: {axis} takes whole numbers from 1 to {most:,}, "
                    f"got {number}"
                )
        try:
            return replace(self.build(self.name, *size), axes=self.axes)
        except UserError as error:
            raise UserError(f"family {self.name!r}: {error}") from None


def label(size: Size) -> str:
    """Return a size as in problem names: ``512`` or ``256x512``."""
    return "x".join(str(number) for number in size)


def _named(name: str, size: Size) -> dict[str, Any]:
    """Return the fields of a `Problem` that hold its name, its family and its size."""
    return {
        "name": f"{name}:{label(size)}",
        "family": name,
        "size": prod(size),
        "sizes": (size[0], size[1]) if len(size) == 2 else None,
    }


def _perceptron(name: str, size: int, rows: int, features: int) -> Problem:
    return Problem(
        **_named(name, (size,)),
        dataset=Separable("separable points", rows, features),
        layers=(Layer(1, "sigmoid"),),
        loss="l1-mean",
        optimizer=Sgd(rate=4.0 / (1.0 + sqrt(features / rows)) ** 2),
        start=FanInStart(),
    )


def _mlp(
    name: str, size: Size, rows: int, hidden: Sequence[Layer], rate: float, gain: float = 1.0
) -> Problem:
    return Problem(
        **_named(name, size),
        dataset=Separable("separable points", rows, 64),
        layers=(*hidden, Layer(1, "sigmoid")),
        loss="mse",
        optimizer=Sgd(rate=rate),
        start=FanInStart(gain),
    )


def _rate_for_width(width: int) -> float:
    # Hidden sigmoids average 1/2, so the steepest direction of the output layer grows with width.
    return 16.0 / (4.0 + width / 4.0)


def _mlp_width(name: str, width: int) -> Problem:
    hidden = [Layer(width, "sigmoid")]
    return _mlp(name, (width,), rows=256, hidden=hidden, rate=_rate_for_width(width))


def _mlp_depth(name: str, depth: int) -> Problem:
    # Sigmoids and a gain of 1 would leave a gradient of 1e-30 to the first of 64 layers. tanh with
    # gain 2 (√3 keeps the variance of a linear layer, the rest makes up for tanh) moves them all.
    hidden = [Layer(64, "tanh")] * depth
    return _mlp(name, (depth,), rows=256, hidden=hidden, rate=1.0 / (1.0 + depth / 8), gain=2.0)


def _mlp_map(name: str, rows: int, width: int) -> Problem:
    hidden = [Layer(width, "sigmoid")]
    return _mlp(name, (rows, width), rows=rows, hidden=hidden, rate=_rate_for_width(width))


_CLUSTERS = Clusters("clusters", 16_384, 64, classes=10)


def _classifier(
    name: str,
    size: Size,
    width: int,
    batch: int,
    dataset: Dataset = _CLUSTERS,
    feed: Feed = "resident",
    models: int = 1,
) -> Problem:
    """Return a problem of ten classes and 64 features, with one hidden layer and Adam."""
    return Problem(
        **_named(name, size),
        dataset=dataset,
        layers=(Layer(width, "relu"), Layer(10, "identity")),
        loss="cross-entropy",
        optimizer=Adam(),
        start=FanInStart(),
        batch=batch,
        feed=feed,
        models=models,
    )


def _many_or_gates(name: str, models: int) -> Problem:
    fields = _named(name, (models,))
    return replace(_as_published(name, OR_GATE), **fields, reference=fields["name"], models=models)


def _powers(base: int, first: int, last: int) -> tuple[Size, ...]:
    sizes = [first]
    while sizes[-1] * base <= last:
        sizes.append(sizes[-1] * base)
    return tuple((size,) for size in sizes)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "perceptron-rows",
            "a perceptron with 2 features, more and more rows",
            ("rows",),
            _powers(4, 4, 4 * 2**20),
            lambda name, rows: _perceptron(name, rows, rows=rows, features=2),
        ),
        Family(
            "perceptron-features",
            "a perceptron on 256 rows, more and more features",
            ("features",),
            (*_powers(4, 2, 2**15), (2**16,)),
            lambda name, features: _perceptron(name, features, rows=256, features=features),
        ),
        Family(
            "mlp-width",
            "256 rows × 64 features, one hidden layer, wider and wider",
            ("width",),
            _powers(4, 2, 2**13),
            _mlp_width,
        ),
        Family(
            "mlp-depth",
            "256 rows × 64 features, more and more hidden layers of width 64",
            ("depth",),
            _powers(2, 1, 64),
            _mlp_depth,
        ),
        Family(
            "mlp-batch",
            "10 classes, 64 features, width 128, Adam: larger and larger batches of 16,384 rows",
            ("batch",),
            _powers(4, 1, 16_384),
            lambda name, batch: _classifier(name, (batch,), width=128, batch=batch),
        ),
        Family(
            "mlp-batch-host",
            "mlp-batch with each batch gathered and copied from host memory",
            ("batch",),
            _powers(4, 1, 16_384),
            lambda name, batch: _classifier(name, (batch,), 128, batch, feed="host"),
        ),
        Family(
            "mlp-width-adam",
            "10 classes, 64 features, batches of 128, Adam: one hidden layer, wider and wider",
            ("width",),
            _powers(4, 2, 2**13),
            lambda name, width: _classifier(name, (width,), width=width, batch=128),
        ),
        Family(
            "many-or-gates",
            "more and more models of the OR gate",
            ("models",),
            _powers(4, 1, 2**16),
            _many_or_gates,
        ),
        Family(
            "many-mlps",
            "digits, width 32, batches of 32, Adam: more and more models",
            ("models",),
            _powers(4, 1, 1024),
            lambda name, models: _classifier(
                name, (models,), width=32, batch=32, dataset=DIGITS_IN_TWO, models=models
            ),
        ),
        Family(
            "models-width",
            "digits, batches of 32, Adam: models × width of one hidden layer",
            ("models", "width"),
            tuple((models, width) for models in (1, 8, 64, 256) for width in (4, 16, 64, 256)),
            lambda name, models, width: _classifier(
                name, (models, width), width, batch=32, dataset=DIGITS_IN_TWO, models=models
            ),
        ),
        Family(
            "batch-width",
            "10 classes, 64 features, Adam: batch × width of one hidden layer",
            ("batch", "width"),
            tuple((batch, width) for batch in (4, 32, 256, 2048) for width in (4, 32, 256, 2048)),
            lambda name, batch, width: _classifier(name, (batch, width), width, batch),
        ),
        Family(
            "mlp-map",
            "64 features, one hidden layer: rows × width",
            ("rows", "width"),
            tuple((rows, width) for rows in (16, 128, 1024, 8192) for width in (4, 32, 256, 2048)),
            _mlp_map,
        ),
    )
}
